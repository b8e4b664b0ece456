import AppBar from '@mui/material/AppBar';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Link from '@mui/material/Link';
import Toolbar from '@mui/material/Toolbar';
import Typography from '@mui/material/Typography';
import type { ReactNode } from 'react';
import { Link as RouteLink, useLocation } from 'wouter';
import { signOut } from './state';
import { text } from './text/text';

/** So that all of it fits one line of a phone. */
const TIGHT = { minWidth: 0, px: { xs: 0.75, sm: 1 }, whiteSpace: 'nowrap' } as const;

/** The bar on top and the column of a page. */
export function Shell({ title, children }: { title: string; children: ReactNode }) {
    const [at, navigate] = useLocation();
    const leave = () => {
        void signOut();
        navigate('/', { replace: true });
    };
    const link = (to: string, name: string) => (
        <Button
            component={RouteLink}
            href={to}
            color="inherit"
            aria-current={at === to ? 'page' : undefined}
            sx={{ ...TIGHT, '&[aria-current]': { color: 'primary.main' } }}
        >
            {name}
        </Button>
    );
    return (
        <>
            <Link
                href="#content"
                sx={{
                    position: 'absolute',
                    left: -9999,
                    '&:focus': { left: 8, top: 8, zIndex: 2000, p: 1, bgcolor: 'background.paper' },
                }}
            >
                {text.skip}
            </Link>
            <AppBar
                position="sticky"
                elevation={0}
                sx={{
                    bgcolor: 'background.paper',
                    color: 'text.primary',
                    borderBottom: 1,
                    borderColor: 'divider',
                }}
            >
                <Toolbar sx={{ flexWrap: 'wrap', columnGap: { sm: 1 } }}>
                    <Typography
                        color="primary"
                        sx={{ fontWeight: 650, mr: 'auto', display: { xs: 'none', sm: 'block' } }}
                    >
                        {text.product}
                    </Typography>
                    <Box component="nav" sx={{ mr: { xs: 'auto', sm: 0 } }}>
                        {link('/scans', text.nav.scans)}
                        {link('/upload', text.nav.upload)}
                        {link('/account', text.nav.account)}
                    </Box>
                    <Button color="inherit" onClick={leave} sx={TIGHT}>
                        {text.nav.signOut}
                    </Button>
                </Toolbar>
            </AppBar>
            <Box
                component="main"
                id="content"
                tabIndex={-1}
                sx={{ maxWidth: 1080, mx: 'auto', px: { xs: 2, sm: 3 }, py: 3, outline: 'none' }}
            >
                <Typography variant="h1" sx={{ mb: 2, fontSize: '1.7rem' }}>
                    {title}
                </Typography>
                {children}
                <Typography variant="body2" sx={{ mt: 5, color: 'text.secondary' }}>
                    {text.notDiagnostic}
                </Typography>
            </Box>
        </>
    );
}
