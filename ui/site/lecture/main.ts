/** The lecture's page: its rest, links to moments, search, and what changes while it is open. */
import './lecture.css';
import { setLanguage } from '../../room/i18n';
import { Films } from './film/films';
import { followSections } from './jump';
import { Links, oneForTab } from './links';
import { Live } from './live';
import { goToMoment } from './moment';
import { Rest } from './rest';
import { Search } from './search';

interface Words {
  locale: string;
  strings: Record<string, string>;
}

export function open(page: HTMLElement) {
  const words = JSON.parse(document.getElementById('lecture-words')?.textContent ?? '{}') as Partial<Words>;
  setLanguage(words.locale ?? 'en', words.strings ?? {});

  const live = new Live(page, () => {
    watch();
    look();
    void rest.load();
  });
  const rest = new Rest(page, () => look(), () => live.look());
  const form = page.querySelector<HTMLFormElement>('#lecture-search')!;
  const films = new Films(page);
  const search = new Search(form, page, rest, (element) => films.goToLine(element));
  const watch = followSections(page);
  const copyIcon = document.getElementById('copy-icon')?.innerHTML ?? '';
  new Links(page, copyIcon);

  function look() {
    oneForTab(page);
    search.refresh();
    films.look();
  }

  const go = () => goToMoment(page, rest);
  addEventListener('hashchange', () => {
    films.goTo(location.hash);
    void go();
  });
  films.begin(location.hash);
  const find = new URLSearchParams(location.search).get('find');
  void go().then(() => (find ? search.begin(find) : undefined));
  // After the first paint: what is on the screen comes first.
  requestAnimationFrame(() => setTimeout(() => void rest.load()));
  if (page.dataset.stream) live.listen(page.dataset.stream);
}

const page = document.getElementById('lecture');
if (page) open(page);
