/** The player of a film: our own controls over the browser's video. */
import { t } from '../../../room/i18n';
import { clockOf } from '../lines';
import { Bar } from './bar';
import { Chapters } from './chapters';
import { Dock } from './dock';
import { actionOf, SKIP, whereIs, type Action } from './keys';
import { Place } from './memory';
import { Screen } from './screen';
import { Source } from './source';
import { toFile, toLecture } from './spans';
import { read, type Told } from './told';
import { Ways } from './ways';

// Between two looks at where one is, to remember it.
const KEEP_MS = 5000;

interface Hears {
  /** Another moment is shown: that second of the lecture. */
  moved(second: number): void;
  /** The button that lets the page scroll along. */
  follow(): void;
}

export class Player {
  readonly video: HTMLVideoElement;
  readonly box: HTMLElement;
  private readonly stop = new AbortController();
  private readonly bar: Bar;
  private readonly chapters: Chapters;
  private readonly dock: Dock;
  private readonly source: Source;
  private readonly place: Place;
  private readonly ways: Ways;
  private readonly screen: Screen;
  private told: Told;
  private said = '';
  private keptAt = 0;
  /** Somebody has played it, or gone to a moment: before that no line of the transcript is the one of now. */
  private hasBegun = false;

  constructor(
    readonly film: HTMLElement,
    lecture: string,
    private readonly hears: Hears,
  ) {
    this.video = film.querySelector('video')!;
    this.box = film.querySelector('.film-player')!;
    this.told = read(film);
    this.place = new Place(lecture);
    this.bar = new Bar(this.box, (second) => this.goTo(second));
    this.chapters = new Chapters(this.find('.film-menu'), (second) => this.goTo(second));
    this.source = new Source(film, this.video, this.signal);
    this.dock = new Dock(film, this.box);
    this.ways = new Ways(this.box, this.video, this.signal);
    this.screen = new Screen(film, this.box, this.video, this.signal);
    this.takeOver();
    this.listen();
    this.show();
  }

  get signal() {
    return this.stop.signal;
  }

  /** The second of the lecture that is shown. */
  get moment() {
    return toLecture(this.told.spans, this.source.second);
  }

  get isPlaying() {
    return !this.video.paused && !this.video.ended;
  }

  /** The server tells something else of the same file. */
  refresh() {
    // Where only lines have come, its menu stays as somebody may be in it.
    if (this.words === this.said) return this.tick();
    this.told = read(this.film);
    this.show();
  }

  close() {
    this.stop.abort();
    this.dock.close();
  }

  /** To that second of the lecture; false where it isn't in the film, and what comes next is shown. */
  goToMoment(moment: number): boolean {
    const { second, isThere } = toFile(this.told.spans, moment);
    this.goTo(second);
    this.dock.want(true);
    return isThere;
  }

  /** Offers to go on where one stopped the last time. */
  offerToGoOn() {
    const second = this.place.get();
    if (second === null) return;
    const button = this.find<HTMLButtonElement>('.film-resume');
    button.querySelector('span')!.textContent = t('Continue at {time}', { time: clockOf(second) });
    button.hidden = false;
    button.addEventListener('click', () => {
      this.goTo(second);
      this.play();
      this.find('[data-do="play"].film-button').focus();
    });
  }

  private find<T extends HTMLElement = HTMLElement>(selector: string): T {
    return this.film.querySelector<T>(selector)!;
  }

  private all(selector: string) {
    return this.film.querySelectorAll<HTMLElement>(selector);
  }

  private get length() {
    const { duration } = this.video;
    return Number.isFinite(duration) && duration > 0 ? duration : this.told.length;
  }

  // --- what it looks like ----------------------------------------------------------------

  private takeOver() {
    this.video.controls = false;
    if (!this.source.isPlayable) return;
    this.find('.film-bar').hidden = false;
    this.find('.film-big').hidden = false;
  }

  private get words() {
    return `${this.film.dataset.film} ${this.video.querySelector('track')?.outerHTML}`;
  }

  private show() {
    this.said = this.words;
    this.chapters.show(this.told);
    this.ways.refresh();
    this.measure();
    this.tick();
  }

  private measure() {
    this.bar.set(this.told, this.length);
    this.find('.film-whole > span').textContent = clockOf(this.length);
  }

  private tick() {
    const { second } = this.source;
    this.find('.film-at').textContent = clockOf(second);
    this.bar.at(second, this.come(second), this.isPlaying);
    this.chapters.mark(second);
    if (this.hasBegun) this.hears.moved(this.moment);
    this.keep(second);
  }

  private come(second: number): number {
    const { buffered } = this.video;
    for (let at = 0; at < buffered.length; at++) {
      if (buffered.start(at) <= second + 1 && buffered.end(at) >= second) return buffered.end(at);
    }
    return 0;
  }

  private turned() {
    const { isPlaying } = this;
    const words = isPlaying ? t('Pause') : t('Play');
    this.film.classList.toggle('is-on', isPlaying);
    for (const button of this.all('[data-do="play"]')) button.setAttribute('aria-label', words);
    this.find('.film-button[data-do="play"]').title = isPlaying ? t('Pause (k)') : t('Play (k)');
    this.screen.stir();
  }

  private wait(isWaiting: boolean) {
    this.find('.film-wait').hidden = !isWaiting;
  }

  // --- what it hears ---------------------------------------------------------------------

  private listen() {
    const { signal, video } = this;
    const on = (names: string, does: () => void) => names.split(' ').forEach((name) => video.addEventListener(name, does, { signal }));
    on('timeupdate progress seeking', () => this.tick());
    on('loadedmetadata durationchange', () => this.measure());
    on('play pause ended emptied', () => this.turned());
    on('play', () => this.began());
    on('pause', () => this.keep(video.currentTime, true));
    on('ended', () => this.place.forget());
    on('waiting seeking', () => this.wait(true));
    on('playing seeked canplay pause error', () => this.wait(false));
    on('click', () => this.toggle());
    on('dblclick', () => this.screen.fill());
    on('enterpictureinpicture leavepictureinpicture', () => this.dock.settle());
    addEventListener('pagehide', () => this.keep(video.currentTime, true), { signal });
    document.addEventListener('fullscreenchange', () => this.dock.settle(), { signal });
    this.box.addEventListener('click', (event) => this.clicked(event), { signal });
    document.addEventListener('keydown', (event) => this.pressed(event), { signal });
  }

  private clicked(event: Event) {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-do]') : null;
    const does: Record<string, () => void> = {
      play: () => this.toggle(),
      back: () => this.by(-SKIP),
      on: () => this.by(SKIP),
      mute: () => this.ways.toggleSound(),
      captions: () => this.ways.toggleCaptions(),
      follow: () => this.hears.follow(),
      pip: () => this.screen.float(),
      full: () => this.screen.fill(),
      up: () => this.film.closest('section')!.scrollIntoView({ block: 'start' }),
      away: () => this.putAway(),
      again: () => this.source.tryAgain(),
    };
    does[button?.dataset.do ?? '']?.();
  }

  private pressed(event: KeyboardEvent) {
    if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
    const where = whereIs(event.target, this.box);
    const outside = where === 'page' || where === 'line';
    const action = actionOf(event, where);
    if (!action || !this.length || (outside && !this.dock.isShown)) return;
    event.preventDefault();
    this.act(action);
    this.screen.stir();
  }

  private act(action: Action) {
    if (action.do === 'by') this.by(action.seconds);
    else if (action.do === 'part') this.goTo(action.of * this.length);
    else if (action.do === 'louder') this.ways.louder(action.by);
    else if (action.do === 'faster') this.ways.faster(action.by);
    else if (action.do === 'play') this.toggle();
    else if (action.do === 'mute') this.ways.toggleSound();
    else if (action.do === 'captions') this.ways.toggleCaptions();
    else this.screen.fill();
  }

  // --- what it does ----------------------------------------------------------------------

  private goTo(second: number) {
    const to = Math.max(0, this.length ? Math.min(second, this.length) : second);
    this.source.go(to);
    this.uncover();
    this.tick();
    this.bar.say(to);
  }

  private by(seconds: number) {
    this.goTo(this.source.second + seconds);
  }

  private play() {
    this.video.play().catch(() => undefined);
  }

  private toggle() {
    if (!this.source.isPlayable) return;
    if (this.isPlaying) this.video.pause();
    else this.play();
  }

  private began() {
    this.uncover();
    this.dock.want(true);
  }

  /** Somebody has begun: what lay over the picture goes. */
  private uncover() {
    this.hasBegun = true;
    const big = this.find('.film-big');
    if (document.activeElement === big) this.find('.film-button[data-do="play"]').focus();
    big.hidden = true;
    this.find('.film-resume').hidden = true;
  }

  private putAway() {
    this.video.pause();
    this.dock.want(false);
  }

  private keep(second: number, isLast = false) {
    if (!isLast && Date.now() - this.keptAt < KEEP_MS) return;
    if (!isLast && !this.isPlaying) return;
    this.keptAt = Date.now();
    this.place.keep(second, this.length);
  }
}
