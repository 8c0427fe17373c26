import '@fontsource-variable/inter/wght.css';
import '../site/tokens.css';
import './room.css';
import { createRoot } from 'react-dom/client';
import { RoomRoutes } from './api';
import { App } from './App';
import { beginWithHabit } from './choices';
import { readConfig } from './config';
import { Entrance } from './entrance';
import { setLanguage } from './i18n';
import { setSprite } from './parts';
import { takePin } from './pin';
import { mayReload } from './presence';

// After an update of the server the parts of an old page are gone: the new page has its own.
addEventListener('vite:preloadError', () => {
  if (mayReload()) location.reload();
});

const config = readConfig();
setLanguage(config.locale, config.messages);
setSprite(config.icons);
beginWithHabit(config);

const entrance = new Entrance(new RoomRoutes(config.api.base), { pin: takePin(), code: config.room.code });
createRoot(document.getElementById('app')!).render(<App config={config} entrance={entrance} />);
