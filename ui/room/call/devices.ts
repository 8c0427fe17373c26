/** Microphone, camera and screen during the call. */
import {
  ConnectionState,
  RoomEvent,
  Track,
  TrackEvent,
  type LocalAudioTrack,
  type LocalTrackPublication,
  type Participant,
  type Room,
  type ScreenShareCaptureOptions,
  type TrackPublication,
} from 'livekit-client';
import { choices, choose, microphoneOptions } from '../choices';
import { language, t } from '../i18n';
import { problemOf, problemWords, type Kind } from '../media';
import { toast } from '../notices';
import type { Sendable } from '../sdk';
import { Store } from '../store';

type Permission = NonNullable<Participant['permissions']>;

const SOURCES: Record<Sendable, Track.Source> = {
  microphone: Track.Source.Microphone,
  camera: Track.Source.Camera,
  screen: Track.Source.ScreenShare,
};
const KIND_OF: Partial<Record<Track.Source, Kind>> = {
  [Track.Source.Microphone]: 'microphone',
  [Track.Source.Camera]: 'camera',
};
const SCREEN: ScreenShareCaptureOptions = {
  audio: true,
  systemAudio: 'include',
  surfaceSwitching: 'include',
  selfBrowserSurface: 'include',
  contentHint: 'detail',
};
const DEVICE_TAKES_OVER_MS = 1500;
const TRIES = 3;
// A right that was just given comes on another way than the news of it.
const RIGHT_COMES_MS = 3000;

/**
 * Whether the device works, but what it records didn't reach LiveKit: livekit-client has a dozen errors
 * for that, some without a name.
 */
const gotLost = (error: unknown) => problemOf(error) === 'failed';

export const canShareScreen = () => typeof navigator.mediaDevices?.getDisplayMedia === 'function';

export function maySend(permission: Permission | undefined, what: Sendable): boolean {
  if (!permission) return true;
  const { canPublish, canPublishSources } = permission;
  return canPublish && (!canPublishSources.length || canPublishSources.includes(Track.sourceToProto(SOURCES[what])));
}

const NAMES: Record<Sendable, () => string> = {
  microphone: () => t('microphone'),
  camera: () => t('camera'),
  screen: () => t('screen sharing'),
};

function listed(what: readonly Sendable[]): string {
  return new Intl.ListFormat(language(), { type: 'conjunction' }).format(what.map((one) => NAMES[one]()));
}
const revokedWords = (what: readonly Sendable[]) => t('A host has turned off for you: {what}.', { what: listed(what) });
const grantedWords = (what: readonly Sendable[]) => t('You may use now: {what}.', { what: listed(what) });

/** What the microphone does while the key for it is held down. */
export type Held = 'no' | 'opening' | 'open';

export class Devices {
  readonly held = new Store<Held>('no');
  // A track that was on its way when LiveKit went down is forgotten by livekit-client: these are sent again.
  private readonly due = new Set<Kind>();

  constructor(
    private readonly room: Room,
    private readonly explain: (what: Sendable) => string | null = () => null,
  ) {
    room
      .on(RoomEvent.Reconnected, () => this.sendWhatGotLost(TRIES))
      .on(RoomEvent.LocalTrackPublished, this.watch)
      .on(RoomEvent.TrackMuted, this.mutedByHost)
      .on(RoomEvent.ParticipantPermissionsChanged, this.permissionsChanged);
  }

  may(what: Sendable): boolean {
    return maySend(this.room.localParticipant.permissions, what);
  }

  /** Why that may not be used. */
  why(...what: Sendable[]): string {
    return this.explain(what[0]) ?? revokedWords(what);
  }

  /** Sends what was chosen; called each time the media is there. */
  async publish(): Promise<void> {
    this.forgetWhatIsForbidden(['microphone', 'camera']);
    await Promise.all([this.send('microphone', choices.value.microphone), this.send('camera', choices.value.camera)]);
  }

  async toggle(kind: Kind): Promise<void> {
    const on = !this.isOn(kind);
    if (on && !this.may(kind)) return toast(this.why(kind));
    choose({ [kind]: on });
    if (kind === 'microphone') this.held.set('no');
    await this.send(kind, on);
  }

  /** The button of a plugin that says so was pressed; tells whether it is on now. */
  async turnOn(kind: Kind): Promise<boolean> {
    if (await this.mayBy(RIGHT_COMES_MS, kind)) {
      choose({ [kind]: true });
      await this.send(kind, true);
    } else {
      toast(this.why(kind));
    }
    return this.isOn(kind);
  }

  /**
   * Opens the microphone until `release`. The choice stays as it is: off. The first time the track has to be made;
   * from then on it is only muted, and opens at once. It isn't made in advance: a browser that shows a microphone
   * in use before anybody spoke would frighten people.
   */
  async hold(): Promise<void> {
    if (this.held.value !== 'no' || this.isOn('microphone')) return;
    if (!this.may('microphone')) return toast(this.why('microphone'));
    this.held.set('opening');
    await this.send('microphone', true, 1);
    if (this.held.value === 'no') return this.send('microphone', choices.value.microphone);
    this.held.set(this.isOn('microphone') ? 'open' : 'no');
  }

  async release(): Promise<void> {
    const was = this.held.value;
    this.held.set('no');
    // While it still opens, `hold` itself closes it again.
    if (was === 'open') await this.send('microphone', choices.value.microphone);
  }

  async toggleScreen(): Promise<void> {
    const on = !this.room.localParticipant.isScreenShareEnabled;
    if (on && !this.may('screen')) return toast(this.why('screen'));
    try {
      await this.room.localParticipant.setScreenShareEnabled(on, { ...SCREEN, audio: this.may('microphone') });
    } catch (error) {
      this.screenFailed(error);
    }
  }

  isOn(kind: Kind): boolean {
    const { isMicrophoneEnabled, isCameraEnabled } = this.room.localParticipant;
    return kind === 'microphone' ? isMicrophoneEnabled : isCameraEnabled;
  }

  private mayBy(ms: number, kind: Kind): Promise<boolean> {
    if (this.may(kind)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const look = () => this.may(kind) && end();
      const end = () => {
        clearTimeout(timer);
        this.room.off(RoomEvent.ParticipantPermissionsChanged, look);
        resolve(this.may(kind));
      };
      const timer = setTimeout(end, ms);
      this.room.on(RoomEvent.ParticipantPermissionsChanged, look);
    });
  }

  /** What isn't allowed now must not open by itself when it is allowed again, nor after a reload. */
  private forgetWhatIsForbidden(kinds: readonly Kind[]) {
    for (const kind of kinds) if (choices.value[kind] && !this.may(kind)) choose({ [kind]: false });
  }

  private async send(kind: Kind, on: boolean, tries = TRIES): Promise<void> {
    if (on && !this.may(kind)) return;
    try {
      await this.turn(kind, on);
      this.due[on ? 'add' : 'delete'](kind);
    } catch (error) {
      if (gotLost(error) && tries > 1) {
        this.due.add(kind);
        return this.sendWhatGotLost(tries - 1);
      }
      this.due.delete(kind);
      this.failed(kind, error);
    }
  }

  /** The microphone opens anew with what was chosen; if it doesn't, it stays as it was. */
  async useOriginalSound(on: boolean) {
    const before = choices.value.originalSound;
    choose({ originalSound: on });
    const { audioTrack } = this.room.localParticipant.getTrackPublication(Track.Source.Microphone) ?? {};
    try {
      await (audioTrack as LocalAudioTrack | undefined)?.restartTrack(microphoneOptions());
    } catch (error) {
      choose({ originalSound: before });
      this.failed('microphone', error);
    }
  }

  private async turn(kind: Kind, on: boolean) {
    const { localParticipant } = this.room;
    if (kind === 'microphone') await localParticipant.setMicrophoneEnabled(on, microphoneOptions());
    else await localParticipant.setCameraEnabled(on, { deviceId: choices.value.cameraId });
  }

  /** While the media is away nothing is tried; it comes back with an event. */
  private sendWhatGotLost(tries: number) {
    if (this.room.state !== ConnectionState.Connected) return;
    for (const kind of this.due) {
      const sent = this.room.localParticipant.getTrackPublication(SOURCES[kind])?.track;
      if (choices.value[kind] && !sent) void this.send(kind, true, tries);
    }
  }

  private failed(kind: Kind, error: unknown) {
    // A call that went away meanwhile is told elsewhere.
    if (this.room.state === 'disconnected') return;
    console.warn(`The ${kind} could not be used.`, error);
    toast(problemWords(kind, problemOf(error)), 'error');
  }

  // Closing the browser's own question is a decision, not a fault.
  private screenFailed(error: unknown) {
    const problem = problemOf(error);
    if (problem === 'refused') return;
    const words =
      problem === 'system'
        ? t('Your computer doesn’t let the browser record the screen. Allow it in the privacy settings of the system.')
        : t('The screen can’t be shared. Try a window or a tab instead.');
    toast(words, 'error');
  }

  private readonly watch = (publication: LocalTrackPublication) => {
    const kind = KIND_OF[publication.source];
    const { track } = publication;
    if (!kind || !track) return;
    // livekit-client takes the next device by itself when there is one.
    track.on(TrackEvent.Ended, () => setTimeout(() => this.afterUnplugging(kind), DEVICE_TAKES_OVER_MS));
  };

  private afterUnplugging(kind: Kind) {
    const track = this.room.localParticipant.getTrackPublication(SOURCES[kind])?.track;
    if (!track || this.room.state === 'disconnected') return;
    const works = track.mediaStreamTrack.readyState === 'live' && !track.isMuted;
    if (!works) return toast(problemWords(kind, 'unplugged'), 'error');
    toast(t('The device was unplugged. Now using: {device}', { device: track.mediaStreamTrack.label }));
  }

  private readonly mutedByHost = (publication: TrackPublication, participant: Participant) => {
    const wasOn = choices.value.microphone || this.held.value === 'open';
    if (!participant.isLocal || publication.source !== Track.Source.Microphone || !wasOn) return;
    if (publication.track?.mediaStreamTrack.readyState === 'ended') return;
    this.held.set('no');
    choose({ microphone: false });
    toast(t('A host has muted you.'));
  };

  private readonly permissionsChanged = (before: Permission | undefined, participant: Participant) => {
    if (!participant.isLocal || !before) return;
    const all = Object.keys(SOURCES) as Sendable[];
    const revoked = all.filter((what) => maySend(before, what) && !this.may(what));
    const granted = all.filter((what) => !maySend(before, what) && this.may(what));
    this.forgetWhatIsForbidden(['microphone', 'camera']);
    if (revoked.includes('microphone')) this.held.set('no');
    if (revoked.length) toast(this.why(...revoked));
    if (granted.length) toast(grantedWords(granted));
  };
}
