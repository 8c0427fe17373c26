/** Two soft notes; made here, so that nothing has to be loaded. */
const NOTES = [660, 880];
const NOTE_S = 0.09;

let audio: AudioContext | undefined;

export function chime() {
  try {
    audio ??= new AudioContext();
    NOTES.forEach((hertz, place) => note(audio!, hertz, place * NOTE_S));
  } catch {
    // A browser without sound, or one that wasn't touched yet.
  }
}

function note(context: AudioContext, hertz: number, later: number) {
  const [oscillator, gain] = [context.createOscillator(), context.createGain()];
  const begins = context.currentTime + later;
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0.08, begins);
  gain.gain.exponentialRampToValueAtTime(0.001, begins + NOTE_S);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(begins);
  oscillator.stop(begins + NOTE_S);
}
