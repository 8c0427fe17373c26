/** What tells a host who looks elsewhere: a short sound, a number before the tab's title. */

const NOTES = [
  { hertz: 660, at: 0 },
  { hertz: 880, at: 0.14 },
];
const COUNT = /^\(\d+\) /;

/** Two soft notes; browsers stay silent until somebody has touched the page. */
export function chime() {
  try {
    const context = new AudioContext();
    for (const { hertz, at } of NOTES) play(context, hertz, context.currentTime + at);
    setTimeout(() => void context.close(), 1000);
  } catch {
    // A page without sound still shows who waits.
  }
}

function play(context: AudioContext, hertz: number, at: number) {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(0.12, at);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.35);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + 0.4);
}

export function titled(count: number) {
  const plain = document.title.replace(COUNT, '');
  document.title = count ? `(${count}) ${plain}` : plain;
}
