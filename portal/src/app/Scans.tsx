import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import LinearProgress from '@mui/material/LinearProgress';
import Typography from '@mui/material/Typography';
import { useCallback, useEffect, useState } from 'react';
import type { Scan } from '../core/api';
import { DropZone } from './DropZone';
import { ScanCard } from './ScanCard';
import { Shell } from './Shell';
import { api, sentence } from './state';
import { scansText } from './text/scans';
import { UploadsUnderWay } from './UploadsUnderWay';

const SOON_MS = 1000;
const LATER_MS = 20_000;

export default function Scans() {
    const { scans, error, reload } = useScans();
    const own = scans?.filter(({ role }) => role === 'owner') ?? [];
    const given = scans?.filter(({ role }) => role !== 'owner') ?? [];
    return (
        <Shell title={scansText.title}>
            {error && (
                <Alert severity="error" sx={{ mb: 2 }}>
                    {error}
                </Alert>
            )}
            {!scans && !error && <LinearProgress aria-label={scansText.loading} />}
            <Cards scans={own} onChanged={reload} />
            {scans && own.length === 0 && (
                <Typography sx={{ mb: 2 }} color="textSecondary">
                    {scansText.empty}
                </Typography>
            )}
            <UploadsUnderWay />
            <DropZone />
            {given.length > 0 && (
                <Box component="section" sx={{ mt: 4 }}>
                    <Typography variant="h2" sx={{ mb: 2 }}>
                        {scansText.given}
                    </Typography>
                    <Cards scans={given} onChanged={reload} />
                </Box>
            )}
        </Shell>
    );
}

function Cards({ scans, onChanged }: { scans: Scan[]; onChanged: () => void }) {
    return (
        <Box
            component="ul"
            sx={{
                p: 0,
                m: 0,
                mb: 3,
                display: 'grid',
                gap: 2,
                gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 250px), 1fr))',
            }}
        >
            {scans.map((scan) => (
                <ScanCard key={scan.id} scan={scan} onChanged={onChanged} />
            ))}
        </Box>
    );
}

/** The list, asked for again soon while something is being imported. */
function useScans() {
    const [scans, setScans] = useState<Scan[] | null>(null);
    const [error, setError] = useState('');
    const [round, setRound] = useState(0);
    const reload = useCallback(() => setRound((r) => r + 1), []);

    // biome-ignore lint/correctness/useExhaustiveDependencies: round asks again at once
    useEffect(() => {
        let over = false;
        let timer: ReturnType<typeof setTimeout> | undefined;
        const ask = async () => {
            let soon = false;
            try {
                const list = await api.scans();
                if (!over) {
                    setScans(list);
                    setError('');
                }
                soon = list.some((s) => s.state === 'importing');
            } catch (e) {
                if (!over) {
                    setError(sentence(e));
                }
            }
            if (!over) {
                timer = setTimeout(ask, soon ? SOON_MS : LATER_MS);
            }
        };
        void ask();
        return () => {
            over = true;
            clearTimeout(timer);
        };
    }, [round]);

    return { scans, error, reload };
}
