/** How people hear of it who look elsewhere: a spoken sentence, or two tones. */

/** What the server asks for; `none` leaves it to what is written. */
export type Sound = 'spoken' | 'sound' | 'none';

const TONES_HZ = [523, 784];
const TONE_S = 0.28;
const LOUDNESS = 0.1;

const primary = (language: string) => language.toLowerCase().split(/[-_]/)[0];

/** Browsers load their voices only when somebody asks for them, and not at once. */
export function prepare() {
  try {
    speechSynthesis.getVoices();
  } catch {
    // A browser that can't speak has its tones, or the words alone.
  }
}

export function sound(how: Sound, words: string, locale: string) {
  if (how === 'spoken' && speak(words, locale)) return;
  if (how !== 'none') chime();
}

/** One of the machine's own voices rather than one that sends the words away. */
function voiceFor(locale: string): SpeechSynthesisVoice | undefined {
  const voices = speechSynthesis.getVoices().filter(({ lang }) => primary(lang) === primary(locale));
  return voices.find(({ localService }) => localService) ?? voices[0];
}

function speak(words: string, locale: string): boolean {
  try {
    const voice = voiceFor(locale);
    if (!voice) return false;
    const sentence = new SpeechSynthesisUtterance(words);
    Object.assign(sentence, { voice, lang: voice.lang });
    sentence.onerror = () => chime();
    speechSynthesis.speak(sentence);
    return true;
  } catch {
    return false;
  }
}

function chime() {
  try {
    const context = new AudioContext();
    playOn(context);
    // Closed even where the browser has blocked it: nothing may sound later, when somebody touches the page.
    setTimeout(() => void context.close().catch(() => undefined), 2000);
  } catch {
    // The words are on the page all the same.
  }
}

/** One voice that goes up in a step and fades out. */
function playOn(context: AudioContext) {
  const [voice, volume] = [context.createOscillator(), context.createGain()];
  const start = context.currentTime;
  const end = start + TONES_HZ.length * TONE_S;
  TONES_HZ.forEach((hertz, place) => voice.frequency.setValueAtTime(hertz, start + place * TONE_S));
  volume.gain.setValueAtTime(LOUDNESS, start);
  volume.gain.linearRampToValueAtTime(0, end);
  voice.connect(volume).connect(context.destination);
  voice.start(start);
  voice.stop(end);
}
