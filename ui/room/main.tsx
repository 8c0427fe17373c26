import '@fontsource-variable/inter/wght.css';
import '../site/tokens.css';
import './room.css';
import { createRoot } from 'react-dom/client';
import { RoomRoutes } from './api';
import { App } from './App';
import { readConfig } from './config';
import { Entrance } from './entrance';
import { setLanguage } from './i18n';
import { setSprite } from './parts';
import { takePin } from './pin';

const config = readConfig();
setLanguage(config.locale, config.messages);
setSprite(config.icons);

const entrance = new Entrance(new RoomRoutes(config.api.base), { pin: takePin() });
createRoot(document.getElementById('app')!).render(<App config={config} entrance={entrance} />);
