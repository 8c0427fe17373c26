/** What a key does to the film, where the focus is. */

/** Of the page nothing has the focus; or something of the player, some of which has keys of its own. */
export type Where = 'page' | 'line' | 'player' | 'button' | 'slider' | 'field';

export type Action =
  | { do: 'play' | 'mute' | 'captions' | 'full' }
  | { do: 'by'; seconds: number }
  | { do: 'part'; of: number }
  | { do: 'louder' | 'faster'; by: number };

export interface Key {
  key: string;
  ctrlKey?: boolean;
  metaKey?: boolean;
  altKey?: boolean;
}

const STEP = 5;
export const SKIP = 10;
const MINUTE = 60;

const EVERYWHERE: Record<string, Action> = {
  k: { do: 'play' },
  j: { do: 'by', seconds: -SKIP },
  l: { do: 'by', seconds: SKIP },
  m: { do: 'mute' },
  c: { do: 'captions' },
  f: { do: 'full' },
  '<': { do: 'faster', by: -1 },
  '>': { do: 'faster', by: 1 },
};
const SIDEWAYS: Record<string, Action> = {
  ArrowLeft: { do: 'by', seconds: -STEP },
  ArrowRight: { do: 'by', seconds: STEP },
};
const SPACE: Record<string, Action> = { ' ': { do: 'play' } };
const ENDS: Record<string, Action> = { Home: { do: 'part', of: 0 }, End: { do: 'part', of: 1 } };
const UP_AND_DOWN: Record<string, Action> = { ArrowUp: { do: 'louder', by: 0.1 }, ArrowDown: { do: 'louder', by: -0.1 } };
const OF_SLIDER: Record<string, Action> = {
  ArrowUp: SIDEWAYS.ArrowRight,
  ArrowDown: SIDEWAYS.ArrowLeft,
  PageUp: { do: 'by', seconds: MINUTE },
  PageDown: { do: 'by', seconds: -MINUTE },
};

// The page scrolls by its keys, lines are walked by theirs, and a button is pressed by the space bar.
const KEYS: Record<Exclude<Where, 'field'>, Record<string, Action>> = {
  page: { ...EVERYWHERE, ...SPACE, ...SIDEWAYS },
  line: { ...EVERYWHERE, ...SPACE, ...SIDEWAYS },
  player: { ...EVERYWHERE, ...SPACE, ...SIDEWAYS, ...UP_AND_DOWN, ...ENDS },
  button: { ...EVERYWHERE, ...SIDEWAYS, ...UP_AND_DOWN },
  slider: { ...EVERYWHERE, ...SPACE, ...SIDEWAYS, ...OF_SLIDER, ...ENDS },
};

/** Null for a key that isn't the player's. */
export function actionOf({ key, ctrlKey, metaKey, altKey }: Key, where: Where | null): Action | null {
  if (!where || where === 'field' || ctrlKey || metaKey || altKey) return null;
  if (/^[0-9]$/.test(key)) return { do: 'part', of: Number(key) / 10 };
  return KEYS[where][key.length === 1 ? key.toLowerCase() : key] ?? null;
}

/** Where the focus is, seen from this player; null where it is elsewhere, such as in a text field. */
export function whereIs(target: EventTarget | null, player: Element): Where | null {
  if (!(target instanceof Element)) return null;
  if (target === document.body || target === document.documentElement || target.id === 'main') return 'page';
  if (target.matches('.timeline > li > a')) return 'line';
  if (!player.contains(target)) return null;
  if (target.matches('.film-seek')) return 'slider';
  if (target.matches('input, select')) return 'field';
  return target.matches('button, summary, a') ? 'button' : 'player';
}
