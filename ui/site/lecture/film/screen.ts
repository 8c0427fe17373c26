/** The whole screen, or a window of its own. */
import { t } from '../../../room/i18n';

// In full screen the controls go after so long without a move.
const IDLE_MS = 3000;

// A phone of Apple's fills its screen with a video, and with nothing else.
type AppleVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void };

export class Screen {
  private idle: ReturnType<typeof setTimeout> | undefined;
  private readonly button: HTMLElement;

  constructor(
    private readonly film: HTMLElement,
    private readonly box: HTMLElement,
    private readonly video: AppleVideo,
    signal: AbortSignal,
  ) {
    this.button = box.querySelector('[data-do="full"]')!;
    this.button.hidden = !(box.requestFullscreen ?? 'webkitEnterFullscreen' in video);
    box.querySelector<HTMLElement>('[data-do="pip"]')!.hidden = !document.pictureInPictureEnabled;
    document.addEventListener('fullscreenchange', () => this.turned(), { signal });
    for (const move of ['pointermove', 'focusin', 'keydown']) box.addEventListener(move, () => this.stir(), { signal });
    signal.addEventListener('abort', () => clearTimeout(this.idle));
  }

  fill() {
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (this.box.requestFullscreen) this.box.requestFullscreen().catch(() => undefined);
    else this.video.webkitEnterFullscreen?.();
  }

  float() {
    const made = document.pictureInPictureElement ? document.exitPictureInPicture() : this.video.requestPictureInPicture();
    made.catch(() => undefined);
  }

  /** Somebody is there: the controls show, for a while. */
  stir() {
    clearTimeout(this.idle);
    this.film.classList.remove('is-idle');
    this.idle = setTimeout(() => this.film.classList.toggle('is-idle', !this.video.paused), IDLE_MS);
  }

  private turned() {
    const isFull = document.fullscreenElement === this.box;
    this.film.classList.toggle('is-full', isFull);
    this.button.setAttribute('aria-label', isFull ? t('Leave full screen') : t('Full screen'));
    this.stir();
  }
}
