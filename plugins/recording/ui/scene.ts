/** The page that LiveKit Egress opens: it waits for two words in the console, to begin and to end. */
import './scene.css';
import { Scene } from './scene/scene';

const config = JSON.parse(document.getElementById('scene-config')!.textContent) as { report: string; run: string };
const asked = new URLSearchParams(location.search);
const scene = new Scene(
  {
    video: document.querySelector<HTMLVideoElement>('.scene-picture')!,
    card: document.querySelector<HTMLElement>('.scene-card')!,
    sounds: document.querySelector<HTMLElement>('.scene-sounds')!,
  },
  { ...config, url: asked.get('url') ?? '', token: asked.get('token') ?? '' },
  // eslint-disable-next-line no-console -- Egress reads it there.
  (word) => console.log(word),
);
void scene.open();
