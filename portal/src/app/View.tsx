import Box from '@mui/material/Box';
import useMediaQuery from '@mui/material/useMediaQuery';
import { useEffect, useState } from 'react';
import { CutPanel } from './CutPanel';
import { LookPanel } from './LookPanel';
import { type Panel, PanelButtons, Sheet } from './PhonePanels';
import { SavePanel } from './SavePanel';
import { viewText } from './text/view';
import { ViewBar } from './ViewBar';
import { ViewCanvas } from './ViewCanvas';
import { ViewOverlay } from './ViewOverlay';
import { Viewing } from './viewing';
import { ViewingContext } from './viewingContext';

/** One scan: the picture, and what can be done with it. */
export default function View({ scan }: { scan: string }) {
    const [viewing, setViewing] = useState<Viewing | null>(null);

    useEffect(() => {
        const v = new Viewing(scan);
        setViewing(v);
        v.start();
        return () => v.stop();
    }, [scan]);

    return viewing ? (
        <ViewingContext value={viewing}>
            <Layout scan={scan} />
        </ViewingContext>
    ) : null;
}

function Layout({ scan }: { scan: string }) {
    const wide = useMediaQuery('(min-width: 900px)', { noSsr: true });
    const [panel, setPanel] = useState<Panel | null>(null);
    return (
        <Box
            sx={{
                height: '100dvh',
                display: 'grid',
                gridTemplateRows: 'auto minmax(0, 1fr) auto',
                gridTemplateColumns: wide ? 'minmax(0, 1fr) 370px' : 'minmax(0, 1fr)',
            }}
        >
            <Box sx={{ gridColumn: '1 / -1' }}>
                <ViewBar />
            </Box>
            <Box component="main" sx={{ position: 'relative', bgcolor: '#0b0d10', minHeight: 0 }}>
                <ViewCanvas />
                <ViewOverlay />
            </Box>
            {wide ? (
                <Box
                    component="aside"
                    sx={{
                        overflowY: 'auto',
                        gridRow: '2 / -1',
                        gridColumn: 2,
                        p: 2,
                        '& > * + *': { mt: 2, pt: 2, borderTop: 1, borderColor: 'divider' },
                    }}
                    tabIndex={0}
                    aria-label={viewText.look}
                >
                    <LookPanel />
                    <CutPanel />
                    <SavePanel scan={scan} />
                </Box>
            ) : (
                <div>
                    {panel && (
                        <Sheet title={viewText[panel]} onClose={() => setPanel(null)}>
                            {panel === 'look' && <LookPanel />}
                            {panel === 'cut' && <CutPanel />}
                            {panel === 'save' && <SavePanel scan={scan} />}
                        </Sheet>
                    )}
                    <PanelButtons open={panel} onOpen={setPanel} />
                </div>
            )}
        </Box>
    );
}
