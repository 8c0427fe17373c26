/** Camera and microphone before the call, and plain words for what can go wrong with them. */
import { t } from './i18n';
import { Store } from './store';

export type Kind = 'microphone' | 'camera';
export type MediaProblem = 'refused' | 'system' | 'missing' | 'busy' | 'unplugged' | 'insecure' | 'failed';

export function problemOf(error: unknown): MediaProblem {
  const { name = '', message = '' } = (error ?? {}) as { name?: string; message?: string };
  if (name === 'NotAllowedError' || name === 'SecurityError') return /system/i.test(message) ? 'system' : 'refused';
  if (name === 'NotFoundError' || name === 'DevicesNotFoundError' || name === 'OverconstrainedError') return 'missing';
  if (name === 'NotReadableError' || name === 'TrackStartError' || name === 'AbortError') return 'busy';
  if (name === 'TypeError' && !navigator.mediaDevices) return 'insecure';
  return 'failed';
}

const MICROPHONE_WORDS: Record<MediaProblem, () => string> = {
  refused: () => t('The browser may not use your microphone. Click the symbol beside the address and allow it, then turn it on again.'),
  system: () => t('Your computer doesn’t let the browser use the microphone. Allow it in the privacy settings of the system.'),
  missing: () => t('No microphone was found. Plug one in; until then you can listen.'),
  busy: () => t('The microphone is used by another program. Close that program, then turn the microphone on again.'),
  unplugged: () => t('The microphone was unplugged. Plug it in again or choose another one.'),
  insecure: () => t('The microphone works only on a secure address (https). Ask whoever runs this server.'),
  failed: () => t('The microphone doesn’t start. Try another one, or reload the page.'),
};
const CAMERA_WORDS: Record<MediaProblem, () => string> = {
  refused: () => t('The browser may not use your camera. Click the symbol beside the address and allow it, then turn it on again.'),
  system: () => t('Your computer doesn’t let the browser use the camera. Allow it in the privacy settings of the system.'),
  missing: () => t('No camera was found. Plug one in; you can join without it.'),
  busy: () => t('The camera is used by another program. Close that program, then turn the camera on again.'),
  unplugged: () => t('The camera was unplugged. Plug it in again or choose another one.'),
  insecure: () => t('The camera works only on a secure address (https). Ask whoever runs this server.'),
  failed: () => t('The camera doesn’t start. Try another one, or reload the page.'),
};

export function problemWords(kind: Kind, problem: MediaProblem): string {
  return (kind === 'microphone' ? MICROPHONE_WORDS : CAMERA_WORDS)[problem]();
}

export interface Wanted {
  microphone: boolean;
  camera: boolean;
  microphoneId?: string;
  cameraId?: string;
}

export interface PreviewState {
  microphone: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
  problems: { microphone?: MediaProblem; camera?: MediaProblem };
  devices: MediaDeviceInfo[];
  opening: boolean;
}

const EMPTY: PreviewState = { microphone: null, camera: null, problems: {}, devices: [], opening: false };
const KINDS: readonly Kind[] = ['microphone', 'camera'];

// "ideal": a device that has gone since gives another one, not an error.
function constraints(kind: Kind, wanted: Wanted): MediaTrackConstraints {
  if (kind === 'microphone') return { deviceId: { ideal: wanted.microphoneId } };
  return { deviceId: { ideal: wanted.cameraId }, width: { ideal: 1280 }, height: { ideal: 720 } };
}

function request(kinds: readonly Kind[], wanted: Wanted): Promise<MediaStream> {
  if (!navigator.mediaDevices) return Promise.reject(new TypeError('no media devices'));
  return navigator.mediaDevices.getUserMedia({
    audio: kinds.includes('microphone') && constraints('microphone', wanted),
    video: kinds.includes('camera') && constraints('camera', wanted),
  });
}

async function isGranted(kind: Kind): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: kind as PermissionName })).state === 'granted';
  } catch {
    return false;
  }
}

/** Opens what is wanted; one device that fails doesn't take the other along. */
export class Preview {
  readonly state = new Store<PreviewState>(EMPTY);
  private wanted: Wanted = { microphone: false, camera: false };
  private queue: Promise<void> = Promise.resolve();
  private closed = false;

  constructor() {
    navigator.mediaDevices?.addEventListener('devicechange', this.devicesChanged);
  }

  want(wanted: Wanted): Promise<void> {
    const before = this.wanted;
    this.wanted = wanted;
    for (const kind of KINDS) {
      const moved = wanted[`${kind}Id`] !== before[`${kind}Id`];
      if (!wanted[kind] || moved) this.drop(kind);
    }
    return this.open();
  }

  close() {
    this.closed = true;
    navigator.mediaDevices?.removeEventListener('devicechange', this.devicesChanged);
    KINDS.forEach((kind) => this.drop(kind));
  }

  private change(change: Partial<PreviewState>) {
    this.state.set({ ...this.state.value, ...change });
  }

  private problem(kind: Kind, problem: MediaProblem | undefined) {
    this.change({ problems: { ...this.state.value.problems, [kind]: problem } });
  }

  private drop(kind: Kind) {
    this.state.value[kind]?.stop();
    this.change({ [kind]: null });
    this.problem(kind, undefined);
  }

  // One request at a time: two at once would show two questions.
  private open(): Promise<void> {
    this.queue = this.queue.then(() => this.openMissing());
    return this.queue;
  }

  private async openMissing() {
    const kinds = KINDS.filter((kind) => this.wanted[kind] && !this.state.value[kind]);
    if (this.closed || !kinds.length) return this.listDevices();
    this.change({ opening: true });
    await this.openTogether(kinds);
    this.change({ opening: false });
    await this.listDevices();
  }

  private async openTogether(kinds: readonly Kind[]) {
    try {
      this.keep(kinds, await request(kinds, this.wanted));
    } catch (error) {
      if (kinds.length === 1) this.problem(kinds[0], problemOf(error));
      else await this.openOneByOne(kinds, problemOf(error));
    }
  }

  private async openOneByOne(kinds: readonly Kind[], problem: MediaProblem) {
    for (const kind of kinds) {
      // Who has just said no isn't asked twice more.
      if (problem === 'refused' && !(await isGranted(kind))) this.problem(kind, 'refused');
      else await this.openTogether([kind]);
    }
  }

  private keep(kinds: readonly Kind[], stream: MediaStream) {
    for (const track of stream.getTracks()) {
      const kind: Kind = track.kind === 'audio' ? 'microphone' : 'camera';
      if (this.closed || !this.wanted[kind] || !kinds.includes(kind)) {
        track.stop();
        continue;
      }
      track.addEventListener('ended', () => this.unplugged(kind, track));
      this.change({ [kind]: track });
      this.problem(kind, undefined);
    }
  }

  private unplugged(kind: Kind, track: MediaStreamTrack) {
    if (this.state.value[kind] !== track) return;
    this.change({ [kind]: null });
    this.problem(kind, 'unplugged');
  }

  private readonly devicesChanged = () => {
    const { problems } = this.state.value;
    const mayWorkNow = KINDS.some((kind) => problems[kind] === 'missing' || problems[kind] === 'unplugged');
    void (mayWorkNow ? this.open() : this.listDevices());
  };

  private async listDevices() {
    try {
      const devices = await navigator.mediaDevices.enumerateDevices();
      if (!this.closed) this.change({ devices: devices.filter((device) => device.deviceId) });
    } catch {
      this.change({ devices: [] });
    }
  }
}
