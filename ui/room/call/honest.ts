/** A track says what it is; one that lies would bring a voice past the host who took the microphone. */
import { RoomEvent, Track, type RemoteTrackPublication, type Room, type TrackPublication } from 'livekit-client';

const SOURCES: Partial<Record<Track.Kind, readonly Track.Source[]>> = {
  [Track.Kind.Audio]: [Track.Source.Microphone, Track.Source.ScreenShareAudio],
  [Track.Kind.Video]: [Track.Source.Camera, Track.Source.ScreenShare],
};

export const lies = ({ kind, source }: Pick<TrackPublication, 'kind' | 'source'>): boolean => !SOURCES[kind]?.includes(source);

/** Sound that calls itself a picture is neither played nor received. */
export function refuseLies(room: Room) {
  const look = (publication: RemoteTrackPublication) => {
    if (lies(publication)) publication.setSubscribed(false);
  };
  room.on(RoomEvent.TrackPublished, look).on(RoomEvent.TrackSubscribed, (_track, publication) => look(publication));
}
