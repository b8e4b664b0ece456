import { createTheme } from '@mui/material/styles';

/* Both schemes follow the device; pictures look best on the dark one. */
export const theme = createTheme({
    cssVariables: { colorSchemeSelector: 'media' },
    colorSchemes: {
        dark: {
            palette: {
                primary: { main: '#f3b27a' },
                secondary: { main: '#8fc1e3' },
                error: { main: '#ff8f85' },
                background: { default: '#0e1319', paper: '#161d26' },
            },
        },
        light: {
            palette: {
                primary: { main: '#8a4a14' },
                secondary: { main: '#1d5f8a' },
                background: { default: '#f4f1ed', paper: '#ffffff' },
            },
        },
    },
    shape: { borderRadius: 10 },
    typography: {
        fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
        h1: { fontSize: 'clamp(1.7rem, 1.2rem + 2vw, 2.6rem)', fontWeight: 650, lineHeight: 1.15 },
        h2: { fontSize: '1.15rem', fontWeight: 600 },
        h3: { fontSize: '1.02rem', fontWeight: 600 },
        button: { textTransform: 'none', fontWeight: 600 },
    },
    components: {
        MuiButton: { defaultProps: { disableElevation: true } },
        MuiPaper: { styleOverrides: { root: { backgroundImage: 'none' } } },
    },
});
