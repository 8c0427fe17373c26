/** A lecture's page as the server makes it, small, for tests. */
import { fragment } from './lines';

export interface Spoken {
  at: string;
  who?: string;
  text: string;
  byHost?: boolean;
}

export function line({ at, who, text, byHost }: Spoken, within = '') {
  return `<li${who ? ' class="turn"' : ''}><a href="#t=${at}${within && `&amp;in=${within}`}">${at}</a>${who ? `<strong><bdi>${who}</bdi>${byHost ? ' <small>Host</small>' : ''}</strong>` : ''}<p>${text}</p></li>`;
}

export const TALK: Spoken[] = [
  { at: '0:01', who: 'Emmy', text: 'Good morning. A group acts.' },
  { at: '0:05', text: 'The kernel is normal.' },
  { at: '1:00', who: 'Ada', text: 'Is the image a group too?' },
  { at: '1:02:03', who: 'Emmy', text: 'Yes, a subgroup.' },
];

interface Given {
  lines?: string;
  more?: number;
  digest?: string;
}

export function timeline({ lines = TALK.map((one) => line(one)).join(''), more = 0, digest = 'd1' }: Given = {}, id = 'talk') {
  const rest = more ? `<p class="timeline-more" data-more="/lectures/x/sections/${id}" data-total="${more}"><a href="?all=1">Show all</a></p>` : '';
  return `<section class="lecture-section" id="${id}" data-digest="${digest}" data-shape="timeline"><h2>Transcript</h2><ol class="timeline">${lines}</ol>${rest}</section>`;
}

export function prose(text: string, digest = 'p1', id = 'summary') {
  return `<section class="lecture-section" id="${id}" data-digest="${digest}" data-shape="prose"><h2>Summary</h2><p class="prose">${text}</p><a href="/edit">Edit</a></section>`;
}

const FORM = `<form id="lecture-search" data-waiting><input type="search" name="q"><select name="who" hidden><option value="">Everyone</option></select>
<div class="search-found" hidden><output class="search-count"></output><button type="button" data-step="-1">Previous</button><button type="submit">Next</button></div></form>`;

export function openPage(...sections: string[]): HTMLElement {
  document.body.replaceChildren(
    fragment(`<p id="lecture-facts">2 people</p><div id="lecture-making"></div><div id="toasts"></div>
<div id="lecture" data-address="/lectures/x"><nav class="lecture-jump" id="lecture-jump"></nav>${FORM}<div id="lecture-sections">${sections.join('')}</div></div>`),
  );
  history.replaceState(null, '', '/lectures/x');
  Element.prototype.scrollIntoView = () => undefined;
  return document.getElementById('lecture')!;
}

export const texts = (page: Element) => [...page.querySelectorAll('.timeline > li > p')].map((one) => one.textContent);

/** Answers fetch by address; what isn't there is a 404. */
export function answering(answers: Record<string, string | number>) {
  const asked: string[] = [];
  globalThis.fetch = ((address: string) => {
    asked.push(address);
    const found = answers[address] ?? 404;
    return Promise.resolve(typeof found === 'number' ? new Response('', { status: found }) : new Response(found));
  }) as typeof fetch;
  return asked;
}
