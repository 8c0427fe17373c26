import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Preview, problemOf, problemWords, type Kind, type MediaProblem } from './media';

const named = (name: string, message = '') => Object.assign(new Error(message), { name });

class FakeTrack extends EventTarget {
  stopped = false;
  constructor(readonly kind: 'audio' | 'video') {
    super();
  }
  stop() {
    this.stopped = true;
  }
}

type Request = { audio: unknown; video: unknown };
let getUserMedia: ReturnType<typeof vi.fn<(request: Request) => Promise<{ getTracks(): FakeTrack[] }>>>;
let devices: EventTarget;

const streamOf = ({ audio, video }: Request) => {
  const tracks = [...(audio ? [new FakeTrack('audio')] : []), ...(video ? [new FakeTrack('video')] : [])];
  return { getTracks: () => tracks };
};

beforeEach(() => {
  getUserMedia = vi.fn(async (request) => streamOf(request));
  devices = Object.assign(new EventTarget(), { getUserMedia, enumerateDevices: async () => [] });
  vi.stubGlobal('navigator', { mediaDevices: devices, permissions: { query: async () => ({ state: 'prompt' }) } });
});
afterEach(() => void vi.unstubAllGlobals());

test.each<[string, string, MediaProblem]>([
  ['NotAllowedError', 'Permission denied', 'refused'],
  ['NotAllowedError', 'Permission denied by system', 'system'],
  ['NotFoundError', '', 'missing'],
  ['OverconstrainedError', '', 'missing'],
  ['NotReadableError', 'Device in use', 'busy'],
  ['Weird', '', 'failed'],
])('%s (%s) is told as "%s"', (name, message, problem) => {
  expect(problemOf(named(name, message))).toBe(problem);
});

test('without https the browser has no devices at all, which is said', () => {
  vi.stubGlobal('navigator', {});
  expect(problemOf(new TypeError('undefined'))).toBe('insecure');
});

test('every problem has words of its own for each device', () => {
  const problems: MediaProblem[] = ['refused', 'system', 'missing', 'busy', 'unplugged', 'insecure', 'failed'];
  const all = (['microphone', 'camera'] as Kind[]).flatMap((kind) => problems.map((problem) => problemWords(kind, problem)));
  expect(new Set(all).size).toBe(all.length);
});

test('both devices are asked for in one question', async () => {
  const preview = new Preview();
  await preview.want({ microphone: true, camera: true });
  expect(getUserMedia).toHaveBeenCalledOnce();
  expect(preview.state.value.microphone?.kind).toBe('audio');
  expect(preview.state.value.camera?.kind).toBe('video');
});

test('a missing camera does not take the microphone along', async () => {
  getUserMedia.mockImplementation(async (request) => {
    if (request.video) throw named('NotFoundError');
    return streamOf(request);
  });
  const preview = new Preview();
  await preview.want({ microphone: true, camera: true });
  expect(preview.state.value.problems).toEqual({ camera: 'missing' });
  expect(preview.state.value.microphone).not.toBeNull();
});

test('who says no is not asked again', async () => {
  getUserMedia.mockRejectedValue(named('NotAllowedError'));
  const preview = new Preview();
  await preview.want({ microphone: true, camera: true });
  expect(getUserMedia).toHaveBeenCalledOnce();
  expect(preview.state.value.problems).toEqual({ microphone: 'refused', camera: 'refused' });
});

test('nothing is opened when nothing is wanted', async () => {
  await new Preview().want({ microphone: false, camera: false });
  expect(getUserMedia).not.toHaveBeenCalled();
});

test('turning the camera off stops it', async () => {
  const preview = new Preview();
  await preview.want({ microphone: true, camera: true });
  const camera = preview.state.value.camera as unknown as FakeTrack;
  await preview.want({ microphone: true, camera: false });
  expect(camera.stopped).toBe(true);
  expect(preview.state.value.camera).toBeNull();
});

test('choosing another camera opens that one', async () => {
  const preview = new Preview();
  await preview.want({ microphone: false, camera: true, cameraId: 'a' });
  await preview.want({ microphone: false, camera: true, cameraId: 'b' });
  expect(getUserMedia.mock.calls[1][0].video).toMatchObject({ deviceId: { ideal: 'b' } });
});

test('an unplugged microphone is told, and taken again when it comes back', async () => {
  const preview = new Preview();
  await preview.want({ microphone: true, camera: false });
  preview.state.value.microphone?.dispatchEvent(new Event('ended'));
  expect(preview.state.value.problems.microphone).toBe('unplugged');
  devices.dispatchEvent(new Event('devicechange'));
  await vi.waitFor(() => expect(preview.state.value.microphone).not.toBeNull());
  expect(preview.state.value.problems.microphone).toBeUndefined();
});

test('closing stops everything, also what opens later', async () => {
  const preview = new Preview();
  const opening = preview.want({ microphone: true, camera: true });
  preview.close();
  await opening;
  expect(preview.state.value).toMatchObject({ microphone: null, camera: null });
});
