/** One message: who, when, what, what it answers, and what can be done with it. */
import { useAction } from '@audimax/kit';
import { memo, type CSSProperties } from 'react';
import { Attached } from './Attached';
import type { Chat } from './chat';
import { isThere, REACTIONS, VOTE, type Message, type Quote } from './messages';
import type { Outgoing } from './outbox';
import { partsOf, type Part } from './text';

/** What the composer is asked to do with a message. */
export interface Wishes {
  reply(message: Message): void;
  edit(message: Message): void;
  show(id: string): void;
}

function One({ part }: { part: Part }) {
  if (part.kind === 'block') return <pre dir="ltr"><code>{part.text}</code></pre>;
  if (part.kind === 'code') return <code dir="ltr">{part.text}</code>;
  if (part.kind !== 'link') return part.text;
  return (
    // The title is the address as the browser reads it: letters that only look like others show there.
    <a href={part.href} title={part.href} target="_blank" rel="noopener noreferrer nofollow">
      {part.text}
    </a>
  );
}

export const Text = memo(function Text({ text }: { text: string }) {
  return (
    <div className="chat-text" dir="auto">
      {partsOf(text).map((part, place) => (
        <One key={place} part={part} />
      ))}
    </div>
  );
});

export function timeOf(locale: string, ms: number): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(ms);
}

/** On a line or two, without the signs of code. */
const plain = (text: string) => text.replace(/```\w*|`/g, '').replace(/\s+/g, ' ').trim();

function Quoted({ chat, quote, onShow }: { chat: Chat; quote: Quote; onShow?: (id: string) => void }) {
  const { t } = chat.room;
  const words = (
    <>
      <strong>{quote.name}</strong> <span dir="auto">{plain(quote.text) || (quote.has_files ? t('File') : t('removed'))}</span>
    </>
  );
  if (!onShow) return <div className="chat-quote">{words}</div>;
  return (
    <button type="button" className="chat-quote" title={t('Show what this answers')} onClick={() => onShow(quote.id)}>
      {words}
    </button>
  );
}

function removedWords(chat: Chat, message: Message): string {
  const { t } = chat.room;
  if (message.removed_by === 'host') return t('Removed by a host');
  return message.mine ? t('You removed this message') : t('Message removed');
}

export function reactionName(chat: Chat, emoji: string): string {
  const { t } = chat.room;
  const names: Record<string, string> = { '👍': t('Thumbs up'), '❤️': t('Heart'), '😂': t('Laughing'), '😮': t('Astonished'), '🎉': t('Celebrating'), '🙏': t('Thank you') };
  return names[emoji] ?? emoji;
}

interface MessageProps {
  chat: Chat;
  message: Message;
}

export function Reactions({ chat, message }: MessageProps) {
  const { t } = chat.room;
  const { run } = useAction(chat.room);
  const given = Object.entries(message.reactions);
  if (!given.length) return null;
  return (
    <div className="chat-reactions">
      {given.map(([emoji, count]) => (
        <button
          key={emoji}
          type="button"
          className="chat-chip"
          aria-pressed={message.marks?.includes(emoji)}
          aria-label={t('{reaction}: {count}', { reaction: reactionName(chat, emoji), count })}
          title={reactionName(chat, emoji)}
          onClick={() => void run(() => chat.mark(message, emoji))}
        >
          <span aria-hidden="true">{emoji}</span> {count}
        </button>
      ))}
    </div>
  );
}

/** What everybody has of a question: how many want to know it too, and whether it was answered. */
export function Question({ chat, message }: MessageProps) {
  const { t, ui } = chat.room;
  const { run } = useAction(chat.room);
  const { votes, answered } = message;
  const voted = message.marks?.includes(VOTE);
  return (
    <div className="chat-question">
      <button
        type="button"
        className="chat-chip"
        aria-pressed={voted}
        aria-label={voted ? t('{count} want to know this, you too. Take your vote back', { count: votes }) : t('{count} want to know this. Vote for it', { count: votes })}
        title={voted ? t('Take your vote back') : t('I want to know this too')}
        onClick={() => void run(() => chat.vote(message))}
      >
        <ui.Icon name="chevron-up" size={16} /> {votes}
      </button>
      {answered ? <span className="badge badge-ok">{t('Answered')}</span> : <span className="badge badge-accent">{t('Question')}</span>}
    </div>
  );
}

interface MenuItemProps {
  chat: Chat;
  icon: string;
  label: string;
  danger?: boolean;
  onPick(): void;
}

function MenuItem({ chat, icon, label, danger, onPick }: MenuItemProps) {
  const { Icon } = chat.room.ui;
  return (
    <button type="button" className={`menu-item ${danger ? 'menu-danger' : ''}`} onClick={onPick}>
      <Icon name={icon} size={18} />
      {label}
    </button>
  );
}

function Menu({ chat, message, wishes }: MessageProps & { wishes: Wishes }) {
  const { t, me, ui } = chat.room;
  const { run } = useAction(chat.room);
  const id = `chat-menu-${message.id}`;
  const anchor = `--${id}`;
  const close = () => document.getElementById(id)?.hidePopover();
  const pick = (work: () => unknown) => () => {
    close();
    void run(async () => await work());
  };
  const mayWrite = chat.whyNot() === null;
  const mayChange = chat.mayChange(message);
  const item = { chat };
  return (
    <>
      <button
        type="button"
        className="chat-more"
        popoverTarget={id}
        style={{ anchorName: anchor } as CSSProperties}
        aria-label={t('Actions for the message of {name}', { name: message.author.name })}
      >
        <ui.Icon name="ellipsis" size={18} />
      </button>
      <div id={id} popover="auto" className="menu-list menu-down chat-menu" style={{ positionAnchor: anchor } as CSSProperties}>
        {chat.state?.mode !== 'off' && !chat.state?.silenced && (
          <div className="chat-picker" role="group" aria-label={t('React')}>
            {REACTIONS.map((emoji) => (
              <button key={emoji} type="button" aria-pressed={message.marks?.includes(emoji)} aria-label={reactionName(chat, emoji)} title={reactionName(chat, emoji)} onClick={pick(() => chat.mark(message, emoji))}>
                {emoji}
              </button>
            ))}
          </div>
        )}
        {mayWrite && <MenuItem {...item} icon="message-square" label={t('Answer')} onPick={pick(() => wishes.reply(message))} />}
        {mayWrite && mayChange && <MenuItem {...item} icon="pencil" label={t('Edit')} onPick={pick(() => wishes.edit(message))} />}
        {me.isHost && message.is_question && (
          <MenuItem {...item} icon="circle-check" label={message.answered ? t('Not answered yet') : t('Mark as answered')} onPick={pick(() => chat.flag(message, 'answered', !message.answered))} />
        )}
        {me.isHost && (
          <MenuItem {...item} icon="circle-alert" label={message.is_question ? t('Not a question') : t('Make it a question')} onPick={pick(() => chat.flag(message, 'is_question', !message.is_question))} />
        )}
        {me.isHost && message.audience === 'everyone' && (
          <MenuItem {...item} icon={message.pinned ? 'pin-off' : 'pin'} label={message.pinned ? t('Unpin') : t('Pin for all')} onPick={pick(() => chat.flag(message, 'pinned', !message.pinned))} />
        )}
        {message.text && <MenuItem {...item} icon="copy" label={t('Copy text')} onPick={pick(() => navigator.clipboard.writeText(message.text))} />}
        {(me.isHost || mayChange) && <MenuItem {...item} danger icon="trash-2" label={t('Delete')} onPick={pick(() => chat.remove(message.id))} />}
      </div>
    </>
  );
}

/** To whom it went, where that isn't everybody. */
function Audience({ chat, message }: MessageProps) {
  const { t } = chat.room;
  if (message.audience === 'everyone') return null;
  return <span className="chat-private">{message.to ? t('to {name} and the hosts', { name: message.to }) : t('to the hosts only')}</span>;
}

interface LineProps extends MessageProps {
  /** It goes on where the line before ended: the name needn't be said again. */
  continues: boolean;
  wishes: Wishes;
}

export function Line({ chat, message, continues, wishes }: LineProps) {
  const { t, info } = chat.room;
  const { author, mine } = message;
  const time = timeOf(info.locale, message.at / 1000);
  return (
    <article className="chat-line" data-mine={mine} data-private={message.audience === 'hosts'} data-continues={continues} aria-label={t('{name}, {time}', { name: author.name, time })}>
      {!continues && (
        <header className="chat-head">
          <strong className="truncate">{author.name}</strong>
          {author.is_host && <span className="badge badge-accent">{t('host')}</span>}
          {mine && <span className="muted small">{t('you')}</span>}
          <Audience chat={chat} message={message} />
          <time dateTime={new Date(message.at / 1000).toISOString()}>{time}</time>
        </header>
      )}
      {message.reply && <Quoted chat={chat} quote={message.reply} onShow={wishes.show} />}
      {message.text && <Text text={message.text} />}
      {!isThere(message) && <p className="chat-removed">{removedWords(chat, message)}</p>}
      <Attached chat={chat} files={message.files} />
      {message.edited && message.text && <span className="chat-edited">{t('edited')}</span>}
      {message.is_question && isThere(message) && <Question chat={chat} message={message} />}
      <Reactions chat={chat} message={message} />
      {isThere(message) && <Menu chat={chat} message={message} wishes={wishes} />}
    </article>
  );
}

/** A line that is on its way, or didn't arrive. */
export function Pending({ chat, line }: { chat: Chat; line: Outgoing }) {
  const { t, ui } = chat.room;
  const failed = line.status === 'failed';
  return (
    <article className="chat-line" data-mine="true" data-private={line.to !== 'everyone'} data-status={line.status}>
      {line.reply && <Quoted chat={chat} quote={line.reply} />}
      {line.text && <Text text={line.text} />}
      <Attached chat={chat} files={line.files} />
      {!failed && (
        <p className="chat-status">
          <span className="spinner" aria-hidden="true" /> {t('Sending…')}
        </p>
      )}
      {failed && (
        <div className="chat-failed">
          <p role="alert">
            <ui.Icon name="triangle-alert" size={16} /> {t('Not sent. {why}', { why: line.why })}
          </p>
          <button type="button" className="btn btn-sm" onClick={() => chat.retry(line)}>
            {t('Send again')}
          </button>
          <button type="button" className="btn btn-sm btn-ghost" onClick={() => chat.discard(line)}>
            {t('Discard')}
          </button>
        </div>
      )}
    </article>
  );
}
