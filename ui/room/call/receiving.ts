/** What is received: all that can be heard, and of the cameras those that are drawn. */
import { RoomEvent, Track, type RemoteTrackPublication, type Room, type TrackPublication } from 'livekit-client';

/** Who turns the pages to and fro doesn't ask for the same pictures again and again. */
const KEPT_MS = 5000;

export class Receiving {
  private readonly leaving = new Map<RemoteTrackPublication, ReturnType<typeof setTimeout>>();

  constructor(private readonly room: Room) {
    room
      .on(RoomEvent.TrackPublished, this.published)
      .on(RoomEvent.TrackUnpublished, this.forget)
      .on(RoomEvent.Connected, this.publishedBefore)
      .on(RoomEvent.Reconnected, this.publishedBefore);
  }

  /** Receives this camera for as long as it is drawn; call the answer when it no longer is. */
  draw(publication: TrackPublication | undefined): (() => void) | undefined {
    if (!isRemote(publication)) return undefined;
    this.forget(publication);
    want(publication);
    return () => {
      const stop = () => {
        this.leaving.delete(publication);
        publication.setSubscribed(false);
      };
      this.leaving.set(publication, setTimeout(stop, KEPT_MS));
    };
  }

  close() {
    this.leaving.forEach(clearTimeout);
    this.leaving.clear();
  }

  private readonly published = (publication: RemoteTrackPublication) => {
    if (publication.source !== Track.Source.Camera) want(publication);
  };

  private readonly publishedBefore = () => {
    for (const participant of this.room.remoteParticipants.values()) participant.trackPublications.forEach((one) => this.published(one));
  };

  private readonly forget = (publication: RemoteTrackPublication) => {
    clearTimeout(this.leaving.get(publication));
    this.leaving.delete(publication);
  };
}

const isRemote = (publication: TrackPublication | undefined): publication is RemoteTrackPublication =>
  publication !== undefined && 'setSubscribed' in publication;

function want(publication: RemoteTrackPublication) {
  if (!publication.isDesired) publication.setSubscribed(true);
}
