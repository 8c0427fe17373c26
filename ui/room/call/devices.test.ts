import { EventEmitter } from 'node:events';
import { ConnectionError, RoomEvent, Track, TrackEvent, type Room } from 'livekit-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { choices, choose } from '../choices';
import { notices } from '../notices';
import { Devices, maySend } from './devices';

const everything = { canPublish: true, canPublishSources: [] as number[] };
const nothing = { canPublish: false, canPublishSources: [] as number[] };
const onlyMicrophone = { canPublish: true, canPublishSources: [Track.sourceToProto(Track.Source.Microphone)] };
type Permission = Parameters<typeof maySend>[0];
const as = (permission: typeof everything) => permission as unknown as Permission;

class FakeMe {
  readonly isLocal = true;
  permissions = everything;
  isMicrophoneEnabled = false;
  isCameraEnabled = false;
  isScreenShareEnabled = false;
  track: { mediaStreamTrack: { readyState: string; label: string }; isMuted: boolean } | null = null;
  audioTrack: { restartTrack(options: unknown): Promise<void> } | undefined;
  setMicrophoneEnabled = vi.fn(async () => undefined);
  setCameraEnabled = vi.fn(async () => undefined);
  setScreenShareEnabled = vi.fn(async () => undefined);
  getTrackPublication = () => ({ track: this.track, audioTrack: this.audioTrack });
}

function makeDevices(explain?: (what: string) => string | null) {
  const me = new FakeMe();
  const room = Object.assign(new EventEmitter(), { localParticipant: me, state: 'connected' });
  return { me, room, devices: new Devices(room as unknown as Room, explain) };
}
const told = () => notices.value.map(({ text }) => text).join('\n');
const named = (name: string, message = '') => Object.assign(new Error(message), { name });

beforeEach(() => {
  notices.set([]);
  choose({ microphone: true, camera: true });
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterEach(() => void vi.useRealTimers());

test('an empty list of sources means all of them, unless publishing is off', () => {
  expect(maySend(as(everything), 'camera')).toBe(true);
  expect(maySend(as(nothing), 'camera')).toBe(false);
  expect(maySend(as(onlyMicrophone), 'camera')).toBe(false);
  expect(maySend(as(onlyMicrophone), 'microphone')).toBe(true);
});

test('what was chosen is sent, what is not allowed is not tried', async () => {
  const { devices, me } = makeDevices();
  me.permissions = onlyMicrophone;
  await devices.publish();
  expect(me.setMicrophoneEnabled).toHaveBeenCalledWith(true, expect.anything());
  expect(me.setCameraEnabled).not.toHaveBeenCalledWith(true, expect.anything());
});

test('a camera in use is told in plain words, and the microphone works', async () => {
  const { devices, me } = makeDevices();
  me.setCameraEnabled.mockRejectedValue(named('NotReadableError'));
  await devices.publish();
  expect(told()).toContain('used by another program');
  expect(me.setMicrophoneEnabled).toHaveBeenCalled();
});

test('original sound opens the microphone anew, is remembered, and is taken back where it fails', async () => {
  const { devices, me } = makeDevices();
  const restartTrack = vi.fn(async () => undefined);
  me.audioTrack = { restartTrack };
  await devices.useOriginalSound(true);
  expect(restartTrack).toHaveBeenCalledWith(expect.objectContaining({ noiseSuppression: false, autoGainControl: false, echoCancellation: true }));
  expect(choices.value.originalSound).toBe(true);
  me.isMicrophoneEnabled = false;
  await devices.publish();
  expect(me.setMicrophoneEnabled).toHaveBeenCalledWith(true, expect.objectContaining({ noiseSuppression: false }));
  restartTrack.mockRejectedValue(named('NotReadableError'));
  await devices.useOriginalSound(false);
  expect(choices.value.originalSound).toBe(true);
  expect(told()).toContain('used by another program');
  me.audioTrack = undefined;
  await devices.useOriginalSound(false);
  expect(choices.value.originalSound).toBe(false);
});

test('a toggle is remembered for the next time', async () => {
  const { devices, me } = makeDevices();
  me.isMicrophoneEnabled = true;
  await devices.toggle('microphone');
  expect(me.setMicrophoneEnabled).toHaveBeenCalledWith(false, expect.anything());
  expect(choices.value.microphone).toBe(false);
});

test('who was silenced and presses the button is told why nothing happens', async () => {
  const { devices, me } = makeDevices();
  me.permissions = nothing;
  await devices.toggle('microphone');
  expect(told()).toContain('A host has turned off for you: microphone');
  expect(me.setMicrophoneEnabled).not.toHaveBeenCalled();
});

test('a plugin says why, when the button is pressed and when the right is taken', async () => {
  const { devices, me, room } = makeDevices((what) => (what === 'microphone' ? 'Raise your hand to speak.' : null));
  me.permissions = nothing;
  await devices.toggle('microphone');
  expect(told()).toBe('Raise your hand to speak.');
  notices.set([]);
  room.emit(RoomEvent.ParticipantPermissionsChanged, everything, me);
  expect(told()).toBe('Raise your hand to speak.');
  expect(devices.why('camera')).toContain('camera');
});

test('what was forbidden does not open by itself when it is allowed again', async () => {
  const { devices, me, room } = makeDevices();
  me.permissions = nothing;
  await devices.publish();
  expect(choices.value).toMatchObject({ microphone: false, camera: false });
  me.permissions = everything;
  room.emit(RoomEvent.ParticipantPermissionsChanged, nothing, me);
  await devices.publish();
  expect(me.setMicrophoneEnabled).not.toHaveBeenCalledWith(true, expect.anything());
  choose({ microphone: true });
  me.permissions = nothing;
  room.emit(RoomEvent.ParticipantPermissionsChanged, everything, me);
  expect(choices.value.microphone).toBe(false);
});

test('a press waits for a right that is on its way, and says why when none comes', async () => {
  vi.useFakeTimers();
  const { devices, me, room } = makeDevices();
  choose({ microphone: false });
  me.permissions = nothing;
  const first = devices.turnOn('microphone');
  me.permissions = onlyMicrophone;
  room.emit(RoomEvent.ParticipantPermissionsChanged, nothing, { isLocal: false });
  await first;
  expect(me.setMicrophoneEnabled).toHaveBeenCalledWith(true, expect.anything());
  expect(choices.value.microphone).toBe(true);
  const second = devices.turnOn('camera');
  await vi.advanceTimersByTimeAsync(4000);
  expect(await second).toBe(false);
  expect(told()).toContain('camera');
  expect(me.setCameraEnabled).not.toHaveBeenCalled();
});

test('rights that were taken or given are told once, together', () => {
  const { room, me } = makeDevices();
  me.permissions = nothing;
  room.emit(RoomEvent.ParticipantPermissionsChanged, everything, me);
  me.permissions = everything;
  room.emit(RoomEvent.ParticipantPermissionsChanged, nothing, me);
  expect(notices.value.map(({ text }) => text)).toEqual([
    'A host has turned off for you: microphone, camera, and screen sharing.',
    'You may use now: microphone, camera, and screen sharing.',
  ]);
});

test('a mute by the host is told; one’s own is not', () => {
  const { room, me } = makeDevices();
  const publication = { source: Track.Source.Microphone, track: { mediaStreamTrack: { readyState: 'live' } } };
  room.emit(RoomEvent.TrackMuted, publication, me);
  expect(told()).toBe('A host has muted you.');
  expect(choices.value.microphone).toBe(false);
  notices.set([]);
  room.emit(RoomEvent.TrackMuted, publication, me);
  expect(told()).toBe('');
});

test.each([
  ['ended', 'was unplugged'],
  ['live', 'Now using: USB microphone'],
])('a device that is pulled out (%s) is told', async (readyState, words) => {
  vi.useFakeTimers();
  const { room, me } = makeDevices();
  const track = new EventEmitter();
  room.emit(RoomEvent.LocalTrackPublished, { source: Track.Source.Microphone, track });
  me.track = { mediaStreamTrack: { readyState, label: 'USB microphone' }, isMuted: false };
  track.emit(TrackEvent.Ended);
  await vi.advanceTimersByTimeAsync(2000);
  expect(told()).toContain(words);
});

test('closing the question of the browser is no fault', async () => {
  const { devices, me } = makeDevices();
  me.setScreenShareEnabled.mockRejectedValue(named('NotAllowedError', 'Permission denied by user'));
  await devices.toggleScreen();
  expect(told()).toBe('');
});

test('a screen that cannot be recorded is told', async () => {
  const { devices, me } = makeDevices();
  me.setScreenShareEnabled.mockRejectedValue(named('NotAllowedError', 'Permission denied by system'));
  await devices.toggleScreen();
  expect(told()).toContain('privacy settings');
});

test('a track that was on its way when LiveKit went down is sent as soon as it is back', async () => {
  const { devices, room, me } = makeDevices();
  room.state = 'reconnecting';
  me.setCameraEnabled.mockRejectedValueOnce(new Error('Cancelled publication by calling unpublish'));
  await devices.publish();
  expect(me.setCameraEnabled).toHaveBeenCalledOnce();
  room.state = 'connected';
  room.emit(RoomEvent.Reconnected);
  expect(me.setCameraEnabled).toHaveBeenCalledTimes(2);
  expect(told()).toBe('');
});

test('what livekit-client lost at a reconnect is sent again, what was turned off is not', async () => {
  const { devices, room, me } = makeDevices();
  await devices.publish();
  choose({ camera: false });
  room.emit(RoomEvent.Reconnected);
  expect(me.setMicrophoneEnabled).toHaveBeenCalledTimes(2);
  expect(me.setCameraEnabled).toHaveBeenCalledOnce();
});

test('a server that never takes the track is not asked for ever', async () => {
  const { devices, me } = makeDevices();
  me.setCameraEnabled.mockRejectedValue(ConnectionError.timeout('no response'));
  await devices.publish();
  await vi.waitFor(() => expect(told()).toContain('camera doesn’t start'));
  expect(me.setCameraEnabled).toHaveBeenCalledTimes(3);
});

/** A microphone that really goes on and off, `slow` only when it is told to. */
function withMicrophone(me: FakeMe) {
  let ready: () => void = () => undefined;
  me.setMicrophoneEnabled = vi.fn(async (on: boolean) => {
    if (on) await new Promise<void>((resolve) => (ready = resolve));
    me.isMicrophoneEnabled = on;
  }) as never;
  return () => ready();
}

test('held down the microphone is open, let go it is off, and the choice stays off', async () => {
  choose({ microphone: false });
  const { devices, me } = makeDevices();
  const ready = withMicrophone(me);
  const holding = devices.hold();
  expect(devices.held.value).toBe('opening');
  ready();
  await holding;
  expect([devices.held.value, me.isMicrophoneEnabled]).toEqual(['open', true]);
  await devices.release();
  expect([devices.held.value, me.isMicrophoneEnabled, choices.value.microphone]).toEqual(['no', false, false]);
});

test('let go while it still opens, it never stays open', async () => {
  choose({ microphone: false });
  const { devices, me } = makeDevices();
  const ready = withMicrophone(me);
  const holding = devices.hold();
  await devices.release();
  ready();
  await holding;
  expect([devices.held.value, me.isMicrophoneEnabled]).toEqual(['no', false]);
});

test('without the right it says so; with the microphone on there is nothing to hold', async () => {
  choose({ microphone: false });
  const { devices, me } = makeDevices();
  me.permissions = nothing;
  await devices.hold();
  expect(told()).toContain('A host has turned off for you: microphone.');
  me.permissions = everything;
  me.isMicrophoneEnabled = true;
  await devices.hold();
  expect(me.setMicrophoneEnabled).not.toHaveBeenCalled();
});

test('a host who mutes somebody while the key is down ends the holding', async () => {
  choose({ microphone: false });
  const { devices, me, room } = makeDevices();
  const ready = withMicrophone(me);
  const holding = devices.hold();
  ready();
  await holding;
  room.emit(RoomEvent.TrackMuted, { source: Track.Source.Microphone }, me);
  expect(devices.held.value).toBe('no');
  expect(told()).toContain('A host has muted you.');
});
