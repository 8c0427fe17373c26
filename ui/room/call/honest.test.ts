import { EventEmitter } from 'node:events';
import { RoomEvent, Track, type Room } from 'livekit-client';
import { expect, test, vi } from 'vitest';
import { lies, refuseLies } from './honest';

const { Audio, Video } = Track.Kind;
const { Microphone, ScreenShareAudio, Camera, ScreenShare, Unknown } = Track.Source;

test('sound that calls itself a picture lies, and a picture that calls itself sound', () => {
  for (const source of [Microphone, ScreenShareAudio]) {
    expect(lies({ kind: Audio, source })).toBe(false);
    expect(lies({ kind: Video, source })).toBe(true);
  }
  for (const source of [Camera, ScreenShare]) {
    expect(lies({ kind: Video, source })).toBe(false);
    expect(lies({ kind: Audio, source })).toBe(true);
  }
  expect(lies({ kind: Audio, source: Unknown })).toBe(true);
});

test('what lies is not received, whether it was there before or comes later', () => {
  const room = new EventEmitter();
  refuseLies(room as unknown as Room);
  const voice = { kind: Audio, source: Camera, setSubscribed: vi.fn() };
  const camera = { kind: Video, source: Camera, setSubscribed: vi.fn() };
  for (const publication of [voice, camera]) {
    room.emit(RoomEvent.TrackPublished, publication);
    room.emit(RoomEvent.TrackSubscribed, {}, publication);
  }
  expect(voice.setSubscribed.mock.calls).toEqual([[false], [false]]);
  expect(camera.setSubscribed).not.toHaveBeenCalled();
});
