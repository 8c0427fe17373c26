/** The files of the lecture: hand one round by drop, paste, picker or camera; fetch and delete. */
import { useAction } from '@audimax/kit';
import { useEffect, useLayoutEffect, useRef, useState, type ChangeEvent, type DragEvent } from 'react';
import { filesIn, type Files, type Share } from './state';

interface PartProps {
  files: Files;
}
/** Where the keyboard goes on when what it was at is gone. */
const HEADING = 'files-shared';

/** Folders are refused in words, everything else is sent. */
function take(files: Files, transfer: DataTransfer) {
  const { room } = files;
  const found = filesIn(transfer);
  if (found.folders.length) room.toast(room.t('Folders can’t be uploaded: make an archive of {names}.', { names: found.folders.join(', ') }), { kind: 'error' });
  files.send(found.files);
}

const carriesFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files');

/** The whole panel takes what is dropped on it. */
function useDrop(files: Files) {
  const [over, setOver] = useState(false);
  const onDragOver = (event: DragEvent) => {
    if (!carriesFiles(event) || !files.listing?.may_share) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    setOver(true);
  };
  const onDragLeave = (event: DragEvent) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
  };
  const onDrop = (event: DragEvent) => {
    setOver(false);
    if (!carriesFiles(event) || !files.listing?.may_share) return;
    event.preventDefault();
    take(files, event.dataTransfer);
  };
  return { over, handlers: { onDragOver, onDragLeave, onDrop } };
}

/** What is pasted while the panel is open, unless somebody writes just then. */
function usePaste(files: Files) {
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const writes = event.target instanceof Element && event.target.closest('input, textarea, [contenteditable]');
      if (writes || event.defaultPrevented || !event.clipboardData?.files.length) return;
      event.preventDefault();
      take(files, event.clipboardData);
    };
    document.addEventListener('paste', paste);
    return () => document.removeEventListener('paste', paste);
  }, [files]);
}

interface ChooserProps extends PartProps {
  label: string;
  icon: string;
  className: string;
  accept: string;
  camera?: boolean;
}

function Chooser({ files, label, icon, className, accept, camera }: ChooserProps) {
  const { Icon } = files.room.ui;
  const input = useRef<HTMLInputElement>(null);
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    files.send([...(event.target.files ?? [])]);
    // So that the same file can be chosen again.
    event.target.value = '';
  };
  return (
    <>
      <button type="button" className={className} onClick={() => input.current?.click()}>
        <Icon name={icon} size={18} /> {label}
      </button>
      <input ref={input} type="file" hidden aria-label={label} accept={accept} multiple={!camera} capture={camera ? 'environment' : undefined} onChange={choose} />
    </>
  );
}

function Choosers({ files }: PartProps) {
  const { t } = files.room;
  const { types = [], largest_mb: most = 0 } = files.listing ?? {};
  return (
    <section className="files-choosers">
      <div className="row row-sm">
        <Chooser files={files} label={t('Choose files')} icon="upload" className="btn btn-primary grow" accept={types.map((type) => `.${type}`).join(',')} />
        <Chooser files={files} label={t('Take a picture')} icon="camera" className="btn files-camera" accept="image/*" camera />
      </div>
      <p className="hint">{t('Or drop or paste them here. Up to {size} MB each.', { size: most })}</p>
    </section>
  );
}

function Uploads({ files }: PartProps) {
  const { t, ui } = files.room;
  if (!files.uploads.size) return null;
  const close = (key: number) => {
    files.forget(key);
    document.getElementById(HEADING)?.focus();
  };
  return (
    <section aria-labelledby="files-uploads">
      <h3 id="files-uploads">{t('On the way')}</h3>
      <ul className="files-list">
        {[...files.uploads].map(([key, upload]) => (
          <li key={key} className="files-upload">
            <ui.UploadRow upload={upload} onClose={() => close(key)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

const ICONS: [RegExp, string][] = [
  [/^image\//, 'image'],
  [/^video\//, 'video'],
  [/^audio\//, 'volume-2'],
  [/^text\/|pdf|document|presentation/, 'file-text'],
];

function Picture({ files, share }: PartProps & { share: Share }) {
  const { Icon } = files.room.ui;
  const icon = ICONS.find(([kind]) => kind.test(share.file.mime))?.[1] ?? 'file';
  return <span className="files-picture">{share.preview ? <img src={share.preview} alt="" loading="lazy" decoding="async" /> : <Icon name={icon} size={22} />}</span>;
}

/** Why it can't be fetched (yet); empty where it can. */
function standing(files: Files, { file }: Share): string {
  const { t } = files.room;
  if (file.state === 'refused') return t('Refused: {reason}', { reason: file.refused_because ?? '' });
  if (file.scan === 'waiting') return t('Not yet scanned for viruses. It can be fetched as soon as it is.');
  if (file.scan === 'failed') return t('It couldn’t be scanned for viruses, so it can’t be fetched.');
  if (file.scan === 'infected') return t('A virus was found in it, so it can’t be fetched.');
  return '';
}

function Row({ files, share, onDelete }: PartProps & { share: Share; onDelete(): void }) {
  const { t, info, formatSize, ui } = files.room;
  const { name, size } = share.file;
  const at = new Date(share.at * 1000).toLocaleTimeString(info.locale, { hour: '2-digit', minute: '2-digit' });
  const said = standing(files, share);
  // In another tab: a host would be asked whether to leave the lecture.
  const link = { href: share.url, target: '_blank', rel: 'noopener' };
  return (
    <li className="files-row" data-state={share.file.state}>
      <Picture files={files} share={share} />
      <div className="files-what">
        {share.url ? (
          <a className="truncate" title={name} {...link}>
            {name}
          </a>
        ) : (
          <span className="truncate" title={name}>
            {name}
          </span>
        )}
        <span className="hint truncate">{[formatSize(size), at, share.by].join(' · ')}</span>
      </div>
      <span className="files-buttons">
        {share.url && (
          <a className="btn btn-ghost btn-icon btn-sm" aria-label={t('Download {file}', { file: name })} {...link}>
            <ui.Icon name="download" size={18} />
          </a>
        )}
        {share.deletable && (
          <button type="button" className="btn btn-ghost btn-icon btn-sm" aria-label={t('Delete {file}', { file: name })} onClick={onDelete}>
            <ui.Icon name="trash-2" size={18} />
          </button>
        )}
      </span>
      {said && <span className="files-said hint">{said}</span>}
    </li>
  );
}

function AskToDelete({ files, share, onClose }: PartProps & { share: Share; onClose(): void }) {
  const { t } = files.room;
  const { busy, run } = useAction(files.room);
  const dialog = useRef<HTMLDialogElement>(null);
  // It is closed before it leaves the page: so the focus returns to where it was.
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) shown.showModal();
    return () => shown?.close();
  }, []);
  const remove = async () => {
    await files.remove(share);
    dialog.current?.close();
  };
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="files-ask" onClose={onClose}>
      <div className="stack" aria-busy={busy}>
        <h2 id="files-ask">{t('Delete “{file}”?', { file: share.file.name })}</h2>
        <p>{t('Nobody can fetch it any more, and it will be missing on the lecture page. This can’t be undone.')}</p>
        <div className="dialog-actions">
          <button type="button" className="btn" onClick={() => dialog.current?.close()}>
            {t('Keep it')}
          </button>
          <button type="button" className="btn btn-danger" disabled={busy} onClick={() => void run(remove)}>
            {t('Delete')}
          </button>
        </div>
      </div>
    </dialog>
  );
}

function emptyWords({ listing, room }: Files): string {
  const { t } = room;
  if (listing?.may_share) return t('Nothing is shared yet. Files that you upload are there for everybody, also for those who come later, and stay on the lecture page.');
  return t('Nothing is shared yet. Files that the hosts share appear here.');
}

function List({ files }: PartProps) {
  const { t } = files.room;
  const [asked, setAsked] = useState<Share | null>(null);
  const close = () => {
    setAsked(null);
    // The button that opened it is gone with the file.
    if (asked && !files.shares.some(({ id }) => id === asked.id)) document.getElementById(HEADING)?.focus();
  };
  return (
    <section aria-labelledby={HEADING}>
      <h3 id={HEADING} tabIndex={-1}>
        {t('Shared files')}
      </h3>
      {!files.shares.length && <p className="hint">{emptyWords(files)}</p>}
      <ul className="files-list">
        {files.shares.map((share) => (
          <Row key={share.id} files={files} share={share} onDelete={() => setAsked(share)} />
        ))}
      </ul>
      {asked && <AskToDelete files={files} share={asked} onClose={close} />}
    </section>
  );
}

function WhoShares({ files }: PartProps) {
  const { t, me } = files.room;
  const { busy, run } = useAction(files.room);
  const everyone = files.listing?.everyone_shares ?? false;
  if (!me.isHost) return null;
  return (
    <label className="check files-who">
      <input type="checkbox" role="switch" checked={everyone} disabled={busy} onChange={() => void run(() => files.letEveryoneShare(!everyone))} />
      {t('Everybody may share files')}
    </label>
  );
}

export function Panel({ files }: PartProps) {
  const { t } = files.room;
  const { over, handlers } = useDrop(files);
  usePaste(files);
  useEffect(() => files.see(), [files]);
  if (!files.listing) {
    if (!files.failed) return <p className="hint">{t('The files are being fetched…')}</p>;
    return (
      <div className="stack">
        <p role="alert">{t('The files can’t be shown right now.')}</p>
        <button type="button" className="btn" onClick={() => void files.fetch()}>
          {t('Try again')}
        </button>
      </div>
    );
  }
  return (
    <div className="files-panel" data-over={over} {...handlers}>
      {files.listing.may_share && <Choosers files={files} />}
      <Uploads files={files} />
      <List files={files} />
      <WhoShares files={files} />
      {over && <p className="files-drop">{t('Drop them: they are uploaded at once.')}</p>}
    </div>
  );
}
