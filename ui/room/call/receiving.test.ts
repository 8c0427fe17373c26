import { EventEmitter } from 'node:events';
import { RoomEvent, Track, type RemoteTrackPublication, type Room } from 'livekit-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Receiving } from './receiving';

function track(source: Track.Source) {
  const made = {
    source,
    isDesired: false,
    setSubscribed: vi.fn((on: boolean) => {
      made.isDesired = on;
    }),
  };
  return made as typeof made & RemoteTrackPublication;
}
function makeRoom() {
  const room = Object.assign(new EventEmitter(), { remoteParticipants: new Map() });
  return { room, receiving: new Receiving(room as unknown as Room) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('sound and screens are received at once, cameras only when they are drawn', () => {
  const { room, receiving } = makeRoom();
  const all = [Track.Source.Microphone, Track.Source.ScreenShareAudio, Track.Source.ScreenShare, Track.Source.Camera].map(track);
  for (const one of all) room.emit(RoomEvent.TrackPublished, one);
  expect(all.map(({ isDesired }) => isDesired)).toEqual([true, true, true, false]);
  receiving.draw(all[3]);
  expect(all[3].isDesired).toBe(true);
});

test('what was there before, or was lost with the connection, is asked for too', () => {
  const { room } = makeRoom();
  const voice = track(Track.Source.Microphone);
  room.remoteParticipants.set('ada', { trackPublications: new Map([['a', voice]]) });
  room.emit(RoomEvent.Connected);
  expect(voice.setSubscribed).toHaveBeenCalledExactlyOnceWith(true);
  voice.isDesired = false;
  room.emit(RoomEvent.Reconnected);
  expect(voice.isDesired).toBe(true);
});

test('a camera that is no longer drawn is let go after a while, unless it is drawn again', () => {
  const { receiving } = makeRoom();
  const camera = track(Track.Source.Camera);
  receiving.draw(camera)!();
  vi.advanceTimersByTime(3000);
  const stop = receiving.draw(camera)!;
  vi.advanceTimersByTime(60_000);
  expect(camera.isDesired).toBe(true);
  stop();
  vi.advanceTimersByTime(6000);
  expect(camera.isDesired).toBe(false);
  expect(camera.setSubscribed.mock.calls).toEqual([[true], [false]]);
});

test('one’s own camera is nobody’s to receive', () => {
  expect(makeRoom().receiving.draw({ source: Track.Source.Camera } as never)).toBeUndefined();
});
