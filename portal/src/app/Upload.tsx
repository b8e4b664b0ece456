import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import LinearProgress from '@mui/material/LinearProgress';
import Typography from '@mui/material/Typography';
import { useEffect } from 'react';
import { useLocation } from 'wouter';
import type { Found, Series } from '../core/series';
import { DropZone } from './DropZone';
import { SeriesCard } from './SeriesCard';
import { Shell } from './Shell';
import { uploadText } from './text/upload';
import { type Step, startOver, stopReading, useUploading } from './uploading';

const t = uploadText;

export default function Upload() {
    const { now, problem } = useUploading();
    return (
        <Shell title={t.title}>
            {problem && (
                <Alert severity="warning" sx={{ mb: 2 }}>
                    {problem}
                </Alert>
            )}
            <Earlier now={now} />
            <StepView now={now} />
        </Shell>
    );
}

/** Series of other folders that are still being added. */
function Earlier({ now }: { now: Step }) {
    const jobs = useUploading((u) => u.jobs);
    const here = now.step === 'choose' ? now.found.series : [];
    const earlier = [...jobs.keys()].filter((s) => !here.includes(s));
    return earlier.length === 0 ? null : (
        <Box component="ul" sx={{ p: 0, m: 0, mb: 3, display: 'grid', gap: 1.5 }}>
            {earlier.map((s) => (
                <SeriesCard key={s.key} series={s} people={false} />
            ))}
        </Box>
    );
}

function StepView({ now }: { now: Step }) {
    switch (now.step) {
        case 'idle':
            return <DropZone />;
        case 'walking':
            return <Reading label={t.walking} />;
        case 'reading':
            return (
                <Reading
                    label={t.reading(now.done, now.all)}
                    percent={(100 * now.done) / Math.max(1, now.all)}
                />
            );
        case 'choose':
            return <Choose found={now.found} />;
    }
}

function Reading({ label, percent }: { label: string; percent?: number }) {
    const known = percent === undefined ? {} : { variant: 'determinate' as const, value: percent };
    return (
        <Box sx={{ display: 'grid', gap: 2 }}>
            <Typography role="status">{label}</Typography>
            <LinearProgress aria-label={t.title} data-testid="upload-progress" {...known} />
            <Box>
                <Button variant="outlined" onClick={stopReading} data-testid="upload-cancel">
                    {t.cancel}
                </Button>
            </Box>
        </Box>
    );
}

function Choose({ found }: { found: Found }) {
    const { series, people } = found;
    const usable = series.filter((s) => !s.refusal);
    useLeaveWhenAllAreAdded(usable);
    return (
        <Box sx={{ display: 'grid', gap: 2, gridTemplateColumns: 'minmax(0, 1fr)' }}>
            {usable.length === 0 ? (
                <Alert severity="warning">
                    {series.length > 0 ? t.noneReadable : `${t.none} ${t.noneHelp}`}
                </Alert>
            ) : (
                <Typography role="status">{t.found(usable.length)}</Typography>
            )}
            {people && <Alert severity="warning">{t.people}</Alert>}
            <Serious found={found} />
            <Box component="ul" sx={{ p: 0, m: 0, display: 'grid', gap: 1.5 }}>
                {usable.map((s) => (
                    <SeriesCard key={s.key} series={s} people={people} />
                ))}
            </Box>
            <LeftOut found={found} />
            <Box>
                <Button variant="outlined" onClick={startOver}>
                    {t.again}
                </Button>
            </Box>
        </Box>
    );
}

/** There is nothing left to do here. */
function useLeaveWhenAllAreAdded(usable: Series[]) {
    const [, navigate] = useLocation();
    const jobs = useUploading((u) => u.jobs);
    const all = usable.length > 0 && usable.every((s) => jobs.get(s)?.state === 'done');
    useEffect(() => {
        if (all) {
            startOver();
            navigate('/scans');
        }
    }, [all, navigate]);
}

/** Archives that stayed closed: the person can do something about them. */
function Serious({ found }: { found: Found }) {
    const { encrypted, bomb, archive } = found.others;
    const said = [
        encrypted && t.others.encrypted(encrypted),
        bomb && t.others.bomb(bomb),
        archive && t.others.archive(archive),
    ].filter((s) => !!s);
    return said.map((s) => (
        <Alert key={String(s)} severity="warning">
            {s}
        </Alert>
    ));
}

/** What was not taken, and why. */
function LeftOut({ found }: { found: Found }) {
    const out = found.series.filter((s) => s.refusal);
    const { not_dicom = 0, dicomdir = 0, no_image = 0, truncated = 0 } = found.others;
    const { malformed = 0, damaged = 0, volume = 0 } = found.others;
    const others = not_dicom + dicomdir + no_image;
    const broken = truncated + malformed;
    const small = { variant: 'body2', color: 'textSecondary' } as const;
    return (
        <Box sx={{ display: 'grid', gap: 0.5 }}>
            {out.length > 0 && (
                <Typography
                    {...small}
                    component="details"
                    open={out.length === found.series.length}
                >
                    <summary>{t.leftOut(out.length)}</summary>
                    <Box component="ul" sx={{ pl: 2.5, my: 0.5, overflowWrap: 'anywhere' }}>
                        {out.map((s) => (
                            <li key={s.key} data-testid="series-left-out">
                                {[s.modality, s.description || t.unnamed].join(' ').trim()} (
                                {t.geometry(s.dims, s.spacing_mm)}): {t.refusal[s.refusal!]}
                            </li>
                        ))}
                    </Box>
                </Typography>
            )}
            {others > 0 && <Typography {...small}>{t.others.not_dicom(others)}</Typography>}
            {broken > 0 && <Typography {...small}>{t.others.truncated(broken)}</Typography>}
            {damaged > 0 && <Typography {...small}>{t.others.damaged(damaged)}</Typography>}
            {volume > 0 && <Typography {...small}>{t.others.volume(volume)}</Typography>}
        </Box>
    );
}
