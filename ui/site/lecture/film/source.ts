/** The file behind the picture: it may not have come yet, break off, or be of a kind that this browser can't play. */
import { t } from '../../../room/i18n';
import { anew, Retries } from './retries';

/** What is in the files of our engines, and what people call that. */
const CODECS: Record<string, string> = {
  'video/webm': 'video/webm; codecs="vp9, opus"',
  'video/mp4': 'video/mp4; codecs="avc1.4d401f, mp4a.40.2"',
};
const KINDS: Record<string, string> = { 'video/webm': 'WebM, VP9', 'video/mp4': 'MP4, H.264' };

export class Source {
  private readonly retries = new Retries();
  private readonly address: string;
  private readonly fault: HTMLElement;
  private hasCome = false;
  private wanted: number | null = null;
  private goesOn = false;

  constructor(
    private readonly film: HTMLElement,
    private readonly video: HTMLVideoElement,
    signal: AbortSignal,
  ) {
    this.address = film.dataset.source ?? '';
    this.fault = film.querySelector('.film-fault')!;
    video.addEventListener('loadedmetadata', () => this.came(), { signal });
    video.addEventListener('error', () => this.failed(), { signal });
    if (!this.isPlayable) this.tell(this.cannotPlay, false);
    else this.catchUp();
  }

  private get cannotPlay() {
    const told = { kind: KINDS[this.mime] ?? this.mime };
    if (this.fault.querySelector('a[download]')) return t('This browser can’t play the film ({kind}). Open the page in another one, such as Firefox, Chrome, Edge or a newer Safari, or download the film.', told);
    return t('This browser can’t play the film ({kind}). Open the page in another one, such as Firefox, Chrome, Edge or a newer Safari.', told);
  }

  private get mime() {
    return this.film.dataset.mime ?? '';
  }

  get isPlayable() {
    return this.video.canPlayType(CODECS[this.mime] ?? this.mime) !== '';
  }

  /** Where one is, or will be as soon as it has come. */
  get second() {
    return this.wanted ?? this.video.currentTime;
  }

  go(second: number) {
    if (this.video.readyState >= 1) this.video.currentTime = second;
    else this.wanted = second;
  }

  /** Fetches it once more and goes on where it was. */
  again(isPlaying: boolean) {
    const { playbackRate } = this.video;
    this.wanted = this.second;
    this.goesOn = isPlaying;
    this.fault.hidden = true;
    this.video.src = anew(this.address, Date.now());
    this.video.load();
    this.video.playbackRate = playbackRate;
  }

  /** Somebody asks for it: however often it has failed before. */
  tryAgain() {
    this.retries.forget();
    this.again(true);
  }

  /** It may have come, and have broken off after that, before this script did. */
  private catchUp() {
    if (this.video.readyState >= 1) this.came();
    if (this.video.error) this.failed();
  }

  private came() {
    this.hasCome = true;
    const [second, goesOn] = [this.wanted, this.goesOn];
    this.wanted = null;
    this.goesOn = false;
    if (second !== null) this.video.currentTime = second;
    if (goesOn) this.video.play().catch(() => undefined);
  }

  private failed() {
    // What plays knows nothing of its end: the address of a storage that was good for a minute.
    if (this.hasCome && this.retries.take(Date.now())) this.again(this.goesOn || !this.video.paused);
    else if (this.hasCome) this.tell(t('The film broke off. Check your connection, then try again.'), true);
    else this.tell(t('The film could not be loaded. It may have been removed, or the connection is bad.'), true);
  }

  private tell(words: string, mayTry: boolean) {
    this.fault.querySelector('p')!.textContent = words;
    this.fault.querySelector<HTMLElement>('[data-do="again"]')!.hidden = !mayTry;
    this.fault.hidden = false;
  }
}
