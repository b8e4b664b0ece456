import Box from '@mui/material/Box';
import Link from '@mui/material/Link';
import Typography from '@mui/material/Typography';
import type { ReactNode } from 'react';
import { Link as RouteLink } from 'wouter';
import { text } from './text/text';

/** A page with one thing to do, whether signed in or not. */
export function Plain({ title, children }: { title: string; children: ReactNode }) {
    return (
        <Box
            component="main"
            sx={{
                minHeight: '100dvh',
                maxWidth: 620,
                mx: 'auto',
                px: { xs: 2, sm: 4 },
                py: { xs: 3, sm: 6 },
                display: 'grid',
                gap: 3,
                alignContent: 'start',
            }}
        >
            <Link
                component={RouteLink}
                href="/"
                underline="none"
                sx={{ fontWeight: 650, justifySelf: 'start' }}
            >
                {text.product}
            </Link>
            <Typography variant="h1" sx={{ fontSize: '1.7rem' }}>
                {title}
            </Typography>
            {children}
            <Typography variant="body2" color="textSecondary">
                {text.notDiagnostic}
            </Typography>
        </Box>
    );
}
