import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import { SignIn } from './SignIn';
import { text } from './text/text';

const PICTURE = new URL('./head.webp', import.meta.url).href;

/** What the service is, and the way in; the address stays what it was. */
export function Home() {
    return (
        <Box
            component="main"
            sx={{
                minHeight: '100dvh',
                maxWidth: 1120,
                mx: 'auto',
                px: { xs: 2, sm: 4 },
                py: { xs: 2, md: 4 },
                display: 'grid',
                columnGap: 8,
                rowGap: { xs: 3, md: 4 },
                alignContent: 'center',
                alignItems: 'center',
                gridTemplateColumns: { xs: 'minmax(0, 1fr)', md: 'minmax(0, 1fr) minmax(0, 1fr)' },
            }}
        >
            <Picture />
            <Box sx={{ display: 'grid', gap: 3, gridColumn: 1, gridRow: { md: 1 } }}>
                <Box>
                    <Typography color="primary" sx={{ fontWeight: 650, mb: 1 }}>
                        {text.product}
                    </Typography>
                    <Typography variant="h1" sx={{ textWrap: 'balance' }}>
                        {text.home.title}
                    </Typography>
                    <Typography sx={{ mt: 1.5, color: 'text.secondary' }}>
                        {text.home.lead}
                    </Typography>
                </Box>
                <SignIn />
            </Box>
            <Promises />
        </Box>
    );
}

function Picture() {
    return (
        <Box
            component="img"
            src={PICTURE}
            alt={text.home.picture}
            width={800}
            height={800}
            sx={{
                gridColumn: { md: 2 },
                gridRow: { md: 1 },
                width: '100%',
                height: { xs: 190, sm: 300, md: 'auto' },
                objectFit: 'contain',
                bgcolor: '#0b0d10',
                borderRadius: 2,
            }}
        />
    );
}

function Promises() {
    return (
        <Box sx={{ gridColumn: '1 / -1' }}>
            <Box
                component="ul"
                sx={{
                    listStyle: 'none',
                    p: 0,
                    m: 0,
                    display: 'grid',
                    gap: 3,
                    gridTemplateColumns: { xs: '1fr', sm: 'repeat(3, 1fr)' },
                }}
            >
                {text.home.points.map(([title, body]) => (
                    <li key={title}>
                        <Typography variant="h3" component="h2">
                            {title}
                        </Typography>
                        <Typography variant="body2" sx={{ mt: 0.5, color: 'text.secondary' }}>
                            {body}
                        </Typography>
                    </li>
                ))}
            </Box>
            <Typography variant="body2" sx={{ mt: 4, color: 'text.secondary' }}>
                <strong>{text.notDiagnostic}</strong> {text.home.face}
            </Typography>
            <Typography variant="caption" component="p" sx={{ mt: 1, color: 'text.secondary' }}>
                {text.home.credit}
            </Typography>
        </Box>
    );
}
