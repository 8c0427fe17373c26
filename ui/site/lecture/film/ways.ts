/** How loud and how fast a film plays, and whether its words can be read: remembered for all films. */
import { keepWay, wayOf } from './memory';

export class Ways {
  private readonly mute: HTMLElement;
  private readonly volume: HTMLInputElement;
  private readonly speed: HTMLSelectElement;
  private readonly captions: HTMLElement;

  constructor(
    box: HTMLElement,
    private readonly video: HTMLVideoElement,
    signal: AbortSignal,
  ) {
    this.mute = box.querySelector('[data-do="mute"]')!;
    this.volume = box.querySelector('.film-volume')!;
    this.speed = box.querySelector('.film-speed')!;
    this.captions = box.querySelector('[data-do="captions"]')!;
    video.addEventListener('volumechange', () => this.showSound(), { signal });
    this.speed.addEventListener('change', () => this.hurry(Number(this.speed.value)), { signal });
    this.volume.addEventListener('input', () => this.louden(this.volume.valueAsNumber / 100), { signal });
    this.hurry(wayOf('speed'));
    this.video.volume = Math.min(1, Math.max(0, wayOf('volume')));
  }

  /** Its captions may have come, or be other ones. */
  refresh() {
    this.captions.hidden = !this.video.querySelector('track');
    this.caption(wayOf('captions') === 1);
  }

  toggleSound() {
    this.video.muted = !this.video.muted;
    if (!this.video.muted && this.video.volume === 0) this.louden(1);
  }

  louder(by: number) {
    this.louden(this.video.volume + by);
  }

  toggleCaptions() {
    const isOn = this.captions.getAttribute('aria-pressed') === 'true';
    this.caption(!isOn);
    keepWay('captions', isOn ? 0 : 1);
  }

  /** To the next speed that is offered, or to the one before. */
  faster(by: number) {
    const next = this.speed.options[this.speed.selectedIndex + by];
    if (next) this.hurry(Number(next.value));
  }

  private showSound() {
    const isSilent = this.video.muted || this.video.volume === 0;
    this.mute.setAttribute('aria-pressed', String(isSilent));
    this.volume.value = String(isSilent ? 0 : Math.round(this.video.volume * 100));
  }

  private louden(volume: number) {
    this.video.volume = Math.round(Math.min(1, Math.max(0, volume)) * 100) / 100;
    this.video.muted = this.video.volume === 0;
    if (this.video.volume) keepWay('volume', this.video.volume);
  }

  private hurry(speed: number) {
    const known = [...this.speed.options].some((one) => Number(one.value) === speed) ? speed : 1;
    this.speed.value = String(known);
    this.video.defaultPlaybackRate = this.video.playbackRate = known;
    keepWay('speed', known);
  }

  private caption(isOn: boolean) {
    for (const track of this.video.textTracks) track.mode = isOn ? 'showing' : 'hidden';
    this.captions.setAttribute('aria-pressed', String(isOn));
  }
}
