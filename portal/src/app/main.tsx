import createCache from '@emotion/cache';
import { CacheProvider } from '@emotion/react';
import CssBaseline from '@mui/material/CssBaseline';
import { ThemeProvider } from '@mui/material/styles';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { theme } from './theme';

/* The server puts a fresh nonce into the page; style elements need it. */
const meta = document.querySelector('meta[property=csp-nonce]');
const cache = createCache({
    key: 'er',
    nonce: meta?.getAttribute('content') ?? '',
    prepend: true,
});

createRoot(document.getElementById('root')!).render(
    <StrictMode>
        <CacheProvider value={cache}>
            <ThemeProvider theme={theme} storageManager={null}>
                <CssBaseline enableColorScheme />
                <App />
            </ThemeProvider>
        </CacheProvider>
    </StrictMode>,
);
