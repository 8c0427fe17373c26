/** Files on their way into the next message; they go on while the panel is closed. */
import type { RoomApi, StoredFile, Upload } from '@audimax/room';
import type { Audience, To } from './messages';

export const MOST_FILES = 5;

export interface Attachment {
  key: number;
  upload: Upload;
  /** Whom the server lets have it at most. */
  to: Audience;
}

export class Attachments {
  list: readonly Attachment[] = [];
  private count = 0;

  constructor(
    private readonly room: RoomApi,
    private readonly changed: () => void,
  ) {}

  add(files: readonly File[], to: Audience) {
    const { t, toast, upload } = this.room;
    const left = MOST_FILES - this.list.length;
    if (files.length > left) toast(t('A message can have up to {count} files.', { count: MOST_FILES }), { kind: 'error' });
    for (const file of files.slice(0, left)) this.follow(upload(file, { begin: '/attachments', body: { to } }), to);
    this.changed();
  }

  private follow(upload: Upload, to: Audience) {
    const attachment = { key: ++this.count, upload, to };
    this.list = [...this.list, attachment];
    let { state } = upload;
    upload.onChange(() => {
      // How far it is shows in its row.
      if (upload.state === state) return;
      ({ state } = upload);
      if (state === 'cancelled') return this.drop(attachment);
      if (state === 'done') this.room.announce(this.room.t('{file} is uploaded.', { file: upload.name }));
      this.changed();
    });
  }

  remove(attachment: Attachment) {
    const { upload } = attachment;
    if (upload.file) forget([upload.file]);
    else upload.cancel();
    this.drop(attachment);
  }

  private drop({ key }: Attachment) {
    this.list = this.list.filter((one) => one.key !== key);
    this.changed();
  }

  /** They are the message's from now on. */
  take(): StoredFile[] {
    const files = this.list.flatMap(({ upload }) => upload.file ?? []);
    this.list = [];
    this.changed();
    return files;
  }

  /** Why a message to `to` can't be sent with them now, in words; null if it can. */
  whyNot(to: To): string | null {
    const { t } = this.room;
    const isAny = (test: (one: Attachment) => boolean) => this.list.some(test);
    if (!this.list.length) return null;
    if (to === 'author') return t('Files go to everyone or to the hosts, not to one person.');
    if (to === 'everyone' && isAny((one) => one.to === 'hosts')) return t('These files were chosen for the hosts only. To show them to everyone, remove them and choose them again.');
    if (isAny(({ upload }) => upload.state === 'failed')) return t('A file didn’t arrive. Try it again or remove it.');
    if (isAny(({ upload }) => upload.state !== 'done')) return t('You can send the message as soon as the files have arrived.');
    return null;
  }
}

/** Files that no message has after all. One that a message has stays: the server knows. */
export function forget(files: readonly StoredFile[]) {
  for (const { id } of files) void fetch(`/api/uploads/${id}`, { method: 'DELETE', keepalive: true }).catch(() => undefined);
}

export const carriesFiles = (transfer: DataTransfer) => transfer.types.includes('Files');

/** Office programs paste a picture of their text along with it: then the text is meant. */
export const pastesFiles = (transfer: DataTransfer) => transfer.files.length > 0 && !(transfer.types.includes('text/plain') && transfer.types.includes('text/html'));

/** What was dropped or pasted, without folders, which a browser can't send. */
export function filesIn(transfer: DataTransfer): { files: File[]; hasFolders: boolean } {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  const isFolder = (item: DataTransferItem) => item.webkitGetAsEntry?.()?.isDirectory ?? false;
  const files = items.filter((item) => !isFolder(item)).flatMap((item) => item.getAsFile() ?? []);
  return { files, hasFolders: items.some(isFolder) };
}
