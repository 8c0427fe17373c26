/** The files of a message: pictures as pictures, all of a fixed height, so that no line moves when they come. */
import type { StoredFile } from '@audimax/room';
import type { Chat } from './chat';

const ICONS: [RegExp, string][] = [
  [/^image\//, 'image'],
  [/^video\//, 'video'],
  [/^audio\//, 'volume-2'],
  [/^text\/|pdf|document|presentation/, 'file-text'],
];
/** With the gap to the next one; what `room.css` says. */
const [PICTURE_HEIGHT, ROW_HEIGHT] = [206, 56];

const isPicture = (file: StoredFile) => file.mime.startsWith('image/') && file.state !== 'refused';
const isHandedOut = ({ state, scan }: StoredFile) => state === 'ready' && (scan === 'off' || scan === 'clean');

export const heightOf = (files: readonly StoredFile[] = []) => files.reduce((sum, file) => sum + (isPicture(file) ? PICTURE_HEIGHT : ROW_HEIGHT), 0);

/** Why it can't be fetched (yet); its size where it can. */
function standing(chat: Chat, file: StoredFile): string {
  const { t, formatSize } = chat.room;
  if (file.state === 'refused') return t('Refused: {reason}', { reason: file.refused_because ?? '' });
  if (file.scan === 'infected') return t('A virus was found in it.');
  if (file.scan === 'failed') return t('It couldn’t be checked for viruses.');
  if (!isHandedOut(file)) return t('It is being checked…');
  return formatSize(file.size);
}

function One({ chat, file }: { chat: Chat; file: StoredFile }) {
  const { Icon } = chat.room.ui;
  const isOut = isHandedOut(file);
  const icon = ICONS.find(([kind]) => kind.test(file.mime))?.[1] ?? 'file';
  const inside = (
    <>
      <span className="chat-picture">{file.preview && isOut ? <img src={`/files/${file.id}/preview`} alt="" loading="lazy" decoding="async" /> : <Icon name={icon} size={22} />}</span>
      <span className="chat-file-words">
        <span className="truncate" title={file.name}>
          {file.name}
        </span>
        <span className="hint">{standing(chat, file)}</span>
      </span>
    </>
  );
  const looks = { className: 'chat-file', 'data-picture': isPicture(file), 'data-out': isOut };
  if (!isOut) return <div {...looks}>{inside}</div>;
  return (
    // In another tab: a host would be asked whether to leave the lecture.
    <a {...looks} href={`/files/${file.id}`} target="_blank" rel="noopener">
      {inside}
    </a>
  );
}

export function Attached({ chat, files }: { chat: Chat; files: readonly StoredFile[] | undefined }) {
  if (!files?.length) return null;
  return (
    // eslint-disable-next-line jsx-a11y/no-redundant-roles -- Safari drops the role of a list without bullets
    <ul className="chat-files" role="list" aria-label={chat.room.t('Files')}>
      {files.map((file) => (
        <li key={file.id}>
          <One chat={chat} file={file} />
        </li>
      ))}
    </ul>
  );
}
