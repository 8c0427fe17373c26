/** A film as the server makes it, small, and a browser that plays it in name only. */
import { vi } from 'vitest';
import type { Told } from './told';

export const TOLD: Told = {
  spans: [[0, 100, 10], [100, 160, 300]],
  gaps: [[100, 190]],
  chapters: [[0, 'Groups'], [50, 'Kernels']],
  thumbnails: { url: '/pictures', width: 160, height: 90, across: 5, every: 10, count: 16 },
  length: 160,
};

const button = (name: string) => `<button class="film-button" data-do="${name}" aria-pressed="false"></button>`;

export function film(told: Partial<Told> = {}, digest = 'f1', source = '/files/film') {
  const data = JSON.stringify({ ...TOLD, ...told }).replace(/'/g, '&#39;');
  return `<section class="lecture-section" id="recording" data-digest="${digest}" data-shape="film"><h2>Recording</h2>
<div class="film" data-film='${data}' data-source="${source}" data-mime="video/webm"><div class="film-player"><div class="film-stage">
<video controls src="${source}"><track kind="captions" src="/captions"></video>
<button class="film-big" data-do="play" hidden></button><button class="film-resume" hidden><span></span></button><span class="film-wait" hidden></span>
<div class="film-fault" hidden><p></p><button data-do="again"></button></div></div>
<div class="film-bar" hidden><div class="film-time"><div class="film-track"><span class="film-come"></span><span class="film-done"></span><span class="film-marks"></span></div>
<input class="film-seek" type="range" step="0.1" disabled><div class="film-peek" hidden><span class="film-picture" hidden></span><span class="film-peek-words"></span></div></div>
${['play', 'back', 'on', 'mute', 'captions', 'follow', 'pip', 'full', 'up', 'away'].map(button).join('')}
<span class="film-at"></span><span class="film-whole">/ <span></span></span><input class="film-volume" type="range">
<details class="film-menu"><summary><span class="film-chapter-now"></span></summary><ol class="film-chapters"></ol></details>
<select class="film-speed">${[0.5, 1, 1.5, 2].map((one) => `<option value="${one}">${one}</option>`).join('')}</select>
</div></div></div></section>`;
}

/** What jsdom doesn't have. Gives what the page was told of the place of the film, and the video's own ways. */
export function pretendToPlay() {
  const Video = HTMLMediaElement.prototype;
  let paused = true;
  const turn = (video: HTMLMediaElement, to: boolean) => {
    paused = to;
    video.dispatchEvent(new Event(to ? 'pause' : 'play'));
  };
  vi.spyOn(Video, 'paused', 'get').mockImplementation(() => paused);
  vi.spyOn(Video, 'readyState', 'get').mockReturnValue(1);
  vi.spyOn(Video, 'duration', 'get').mockReturnValue(160);
  vi.spyOn(Video, 'canPlayType').mockReturnValue('probably');
  vi.spyOn(Video, 'buffered', 'get').mockReturnValue({ length: 0, start: () => 0, end: () => 0 });
  vi.spyOn(Video, 'play').mockImplementation(function (this: HTMLMediaElement) {
    turn(this, false);
    return Promise.resolve();
  });
  vi.spyOn(Video, 'pause').mockImplementation(function (this: HTMLMediaElement) {
    turn(this, true);
  });
  const load = vi.spyOn(Video, 'load').mockImplementation(function (this: HTMLMediaElement) {
    paused = true;
    this.dispatchEvent(new Event('emptied'));
  });
  const seen: { tell: (ratio: number) => void } = { tell: () => undefined };
  vi.stubGlobal('IntersectionObserver', class {
    constructor(told: (entries: { intersectionRatio: number }[]) => void) {
      seen.tell = (ratio) => told([{ intersectionRatio: ratio }]);
    }
    observe() {}
    disconnect() {}
  });
  vi.stubGlobal('ResizeObserver', class {
    observe() {}
    disconnect() {}
  });
  vi.stubGlobal('matchMedia', () => ({ matches: true }));
  return { load, seen };
}
