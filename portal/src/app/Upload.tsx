import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import LinearProgress from '@mui/material/LinearProgress';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { type ReactNode, useState } from 'react';
import { useLocation } from 'wouter';
import type { Found, Series } from '../core/series';
import { DropZone } from './DropZone';
import { Receipt } from './Receipt';
import { SeriesCard } from './SeriesCard';
import { Shell } from './Shell';
import { size, text } from './text';
import { cancel, type Step, startOver, upload, useUploading } from './uploading';

const t = text.upload;

export default function Upload() {
    const { now, problem } = useUploading();
    return (
        <Shell title={t.title}>
            {problem && (
                <Alert severity="warning" sx={{ mb: 2 }}>
                    {problem}
                </Alert>
            )}
            <StepView now={now} />
        </Shell>
    );
}

function StepView({ now }: { now: Step }) {
    switch (now.step) {
        case 'idle':
            return <DropZone />;
        case 'walking':
            return <Working label={t.walking} />;
        case 'analysing':
            return (
                <Working
                    label={t.analysing(now.done, now.all)}
                    percent={(100 * now.done) / Math.max(1, now.all)}
                />
            );
        case 'choose':
            return <Choose found={now.found} />;
        case 'preparing': {
            const all = now.series.slices.length;
            return <Working label={t.preparing(now.done, all)} percent={(100 * now.done) / all} />;
        }
        case 'sending': {
            const { sent, total, rate } = now.progress;
            const left = rate > 0 ? Math.ceil((total - sent) / rate) : 0;
            const label =
                sent < total ? t.sending(size(sent), size(total), `${size(rate)}/s`) : t.finishing;
            return (
                <Working
                    label={label}
                    percent={(100 * sent) / total}
                    note={left ? t.left(left) : ''}
                >
                    <Receipt make={async () => now.prepared.receipt} />
                </Working>
            );
        }
    }
}

function Working(props: { label: string; percent?: number; note?: string; children?: ReactNode }) {
    const { label, percent, note = '', children } = props;
    return (
        <Box sx={{ display: 'grid', gap: 2 }}>
            <Typography role="status">
                {label} {note && `(${note})`}
            </Typography>
            <LinearProgress
                aria-label={t.title}
                data-testid="upload-progress"
                {...(percent === undefined
                    ? {}
                    : { variant: 'determinate', value: Math.min(100, percent) })}
            />
            <Box>
                <Button variant="outlined" onClick={cancel} data-testid="upload-cancel">
                    {t.cancel}
                </Button>
            </Box>
            {children}
        </Box>
    );
}

function Choose({ found }: { found: Found }) {
    const [, navigate] = useLocation();
    const { series, skipped } = found;
    const usable = series.filter((s) => !s.refusal);
    const [title, setTitle] = useState('');
    const broken = skipped.truncated + skipped.malformed;
    const others = skipped.not_dicom + skipped.dicomdir + skipped.no_image;

    const take = async (s: Series) => {
        if (await upload(s, title.trim() || t.defaultTitle(s.modality))) {
            navigate('/scans');
        }
    };

    return (
        <Box sx={{ display: 'grid', gap: 2 }}>
            {usable.length === 0 ? (
                <Alert severity="warning">
                    {series.length > 0 ? t.noneReadable : `${t.none} ${t.noneHelp}`}
                </Alert>
            ) : (
                <Typography role="status">{t.found(usable.length)}</Typography>
            )}
            {usable.length > 0 && (
                <TextField
                    label={t.title_label}
                    helperText={t.title_help}
                    placeholder={t.defaultTitle(usable[0]!.modality)}
                    value={title}
                    onChange={(e) => setTitle(e.target.value)}
                    slotProps={{
                        htmlInput: { maxLength: 200, autoComplete: 'off' },
                        inputLabel: { shrink: true },
                    }}
                />
            )}
            <Box component="ul" sx={{ p: 0, m: 0, display: 'grid', gap: 1.5 }}>
                {series.map((s) => (
                    <SeriesCard key={s.uid} series={s} onSend={() => void take(s)} />
                ))}
            </Box>
            <Typography variant="body2" color="textSecondary">
                {others > 0 && t.skipped(others)} {broken > 0 && t.broken(broken)}
            </Typography>
            <Box>
                <Button variant="outlined" onClick={startOver}>
                    {t.again}
                </Button>
            </Box>
        </Box>
    );
}
