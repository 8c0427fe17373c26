/** The film of the page: it goes where the reader goes, and the transcript goes with it. */
import { t } from '../../../room/i18n';
import { toast } from '../../toast';
import { momentOf } from '../moment';
import { timeOf } from '../lines';
import { Follow } from './follow';
import { Player } from './player';
import { Transcript } from './transcript';
import './film.css';

export class Films {
  private player: Player | null = null;
  private follow: Follow | null = null;
  private readonly transcript = new Transcript();

  constructor(private readonly page: HTMLElement) {
    // The address is the same: it says nothing of this click.
    page.addEventListener('click', (event) => {
      const link = event.target instanceof Element ? event.target.closest('a') : null;
      if (link?.hash && link.hash === location.hash && !event.defaultPrevented) this.goTo(link.hash);
    });
    this.look();
  }

  /** The page has other content now. */
  look() {
    const film = this.page.querySelector<HTMLElement>('.film');
    this.transcript.read(this.page.querySelector('ol.timeline'));
    if (film === this.player?.film) this.player?.refresh();
    else this.open(film);
    const button = film?.querySelector<HTMLElement>('[data-do="follow"]');
    if (button) button.hidden = this.transcript.isEmpty;
  }

  /** To the moment that a hash names; what names none does nothing. */
  goTo(hash: string) {
    const moment = momentOf(hash);
    if (moment) this.show(moment.seconds);
  }

  /** To the moment of what stands in this line. */
  goToLine(element: Element) {
    const line = element.closest('.timeline > li');
    if (line) this.show(timeOf(line));
  }

  /** Only who came for no moment is offered to go on with the film. */
  begin(hash: string) {
    if (momentOf(hash)) this.goTo(hash);
    else this.player?.offerToGoOn();
  }

  close() {
    this.player?.close();
    this.player = null;
  }

  private show(seconds: number) {
    if (this.player && !this.player.goToMoment(seconds)) toast(t('This moment was not recorded.'));
  }

  private open(film: HTMLElement | null) {
    this.close();
    if (!film) return;
    const button = film.querySelector<HTMLElement>('[data-do="follow"]')!;
    const hears = { moved: (second: number) => this.moved(second), follow: () => this.follow!.turn(!this.follow!.isOn) };
    this.player = new Player(film, this.page.dataset.address ?? '', hears);
    this.follow = new Follow(button, this.player.box, () => this.transcript.line, this.player.signal);
  }

  private moved(second: number) {
    const line = this.transcript.mark(second);
    if (!line || !this.player?.isPlaying) return;
    // What one came for has passed.
    for (const one of this.page.querySelectorAll('.is-here')) if (one !== line) one.classList.remove('is-here');
    this.follow?.reach();
  }
}
