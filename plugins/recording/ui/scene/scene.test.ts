import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { admits, KEEPS_THE_PICTURE_MS, Stage, type Place, type Places, type Seen, type Source } from './choosing';
import { ASK_EVERY_MS, Desk, type Orders } from './orders';
import { Unheard } from './unheard';

const HOST: Place = { host: true, voice: true, camera: true, screen: true };
const GUEST: Place = { host: false, voice: true, camera: false, screen: true };
const NOBODY: Place = { host: false, voice: false, camera: false, screen: false };
const PLACES: Places = { emmy: HOST, felix: HOST, ada: GUEST, bob: NOBODY, eve: { ...GUEST, camera: true } };

const seen = (identity: string, source: Source): Seen => ({ track: `${identity}-${source}`, identity, source });

describe('who is in the recording', () => {
  it.each<[string, Source, boolean]>([
    ['emmy', 'microphone', true],
    ['emmy', 'camera', true],
    ['ada', 'microphone', true],
    ['ada', 'camera', false],
    ['ada', 'screen', true],
    ['ada', 'screen_sound', true],
    ['eve', 'camera', true],
    ['bob', 'microphone', false],
    ['bob', 'screen', false],
    ['bob', 'screen_sound', false],
    ['a stranger', 'microphone', false],
    ['constructor', 'microphone', false],
    ['__proto__', 'screen', false],
  ])('%s, %s: %s', (identity, source, isIn) => {
    expect(admits(PLACES, { identity, source })).toBe(isIn);
  });

  it('takes the sound of a screen for a voice', () => {
    expect(admits({ ada: { ...GUEST, voice: false } }, seen('ada', 'screen_sound'))).toBe(false);
  });

  it('believes nothing but true', () => {
    expect(admits({ ada: { ...GUEST, voice: 'yes' as unknown as boolean } }, seen('ada', 'microphone'))).toBe(false);
  });
});

describe('whose picture is shown', () => {
  const cameras = [seen('eve', 'camera'), seen('emmy', 'camera'), seen('felix', 'camera')];

  it('is the newest shared screen before everything else', () => {
    const screens = [seen('ada', 'screen'), seen('emmy', 'screen')];
    expect(new Stage().choose([...cameras, ...screens], PLACES)?.track).toBe('emmy-screen');
  });

  it('is a host’s camera while nobody speaks, and a guest’s where no host has one', () => {
    expect(new Stage().choose(cameras, PLACES)?.identity).toBe('emmy');
    expect(new Stage().choose(cameras.slice(0, 1), PLACES)?.identity).toBe('eve');
    expect(new Stage().choose([], PLACES)).toBeNull();
  });

  it('follows who speaks, but not at once', () => {
    const stage = new Stage();
    const faces = ['eve', 'emmy', 'felix'];
    stage.speak(['ada', 'felix'], faces, 0);
    expect(stage.choose(cameras, PLACES)?.identity).toBe('felix');
    stage.speak(['emmy'], faces, KEEPS_THE_PICTURE_MS - 1);
    expect(stage.choose(cameras, PLACES)?.identity).toBe('felix');
    stage.speak(['emmy'], faces, KEEPS_THE_PICTURE_MS);
    expect(stage.choose(cameras, PLACES)?.identity).toBe('emmy');
    stage.speak([], faces, 10 * KEEPS_THE_PICTURE_MS);
    expect(stage.choose(cameras, PLACES)?.identity).toBe('emmy');
  });

  it('leaves a speaker whose camera is gone at once', () => {
    const stage = new Stage();
    stage.speak(['felix'], ['felix', 'emmy'], 0);
    stage.speak(['emmy'], ['emmy'], 1);
    expect(stage.choose([seen('emmy', 'camera')], PLACES)?.identity).toBe('emmy');
  });
});

describe('what the page asks', () => {
  const answers: (Response | Error)[] = [];
  const sent: { run: string; policy: string; state: string }[] = [];
  let obeyed: Orders[] = [];

  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
    answers.length = sent.length = 0;
    obeyed = [];
    vi.stubGlobal('fetch', async (_address: string, options: RequestInit) => {
      sent.push(JSON.parse(options.body as string));
      expect(new Headers(options.headers).get('Authorization')).toBe('Bearer secret');
      const answer = answers.shift() ?? new Error('nobody answers');
      if (answer instanceof Error) throw answer;
      return answer;
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const desk = () => new Desk('/report', 'the-run', 'secret', () => ({ state: 'starting', seconds: 0, unheard: [] }), (orders) => obeyed.push(orders));
  const says = (more: object) => Response.json({ now: 1010, leave: false, begin: true, begins_at: 1015, policy: 'p1', ...more });

  it('gets its people once and names what it has after that', async () => {
    answers.push(says({ places: PLACES }), says({}));
    const one = desk();
    await one.ask();
    await one.ask();
    expect(sent.map(({ policy }) => policy)).toEqual(['', 'p1']);
    expect(obeyed.at(-1)).toEqual({ leave: false, beginsAt: 1_005_000, places: PLACES });
    expect(one.now()).toBe(1_010_000);
    one.close();
  });

  it('goes on with whom it has while the server is away, and asks again', async () => {
    answers.push(says({ places: PLACES }), new Response('', { status: 503 }), new Error('no network'));
    const one = desk();
    await one.ask();
    await vi.advanceTimersByTimeAsync(2 * ASK_EVERY_MS + 1);
    expect(sent).toHaveLength(3);
    expect(obeyed).toHaveLength(1);
    expect(one.places).toEqual(PLACES);
    one.close();
  });

  it.each([401, 403, 404])('leaves when it is refused: %s', async (status) => {
    answers.push(new Response('', { status }));
    const one = desk();
    await one.ask();
    expect(obeyed).toEqual([{ leave: true, beginsAt: null, places: {} }]);
    one.close();
  });

  it('asks once more when something changed while it was asking', async () => {
    answers.push(says({ places: PLACES }), says({}));
    const one = desk();
    const first = one.ask();
    await one.ask();
    await first;
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toHaveLength(2);
    one.close();
  });

  it('asks nothing more when it is closed', async () => {
    answers.push(says({ places: PLACES }));
    const one = desk();
    await one.ask();
    one.close();
    await one.ask();
    await vi.advanceTimersByTimeAsync(2 * ASK_EVERY_MS);
    expect(sent).toHaveLength(1);
  });
});

describe('turns that nobody hears', () => {
  it('are said from their beginning, and end when the microphone is closed', () => {
    const unheard = new Unheard();
    unheard.hear(false, 1000);
    unheard.hear(true, 2000);
    unheard.hear(true, 3000);
    expect(unheard.turns(4000)).toEqual([[2, 4]]);
    unheard.hear(false, 5000);
    unheard.hear(true, 9000);
    expect(unheard.turns(9500)).toEqual([[2, 5], [9, 9.5]]);
  });
});
