import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import LinearProgress from '@mui/material/LinearProgress';
import Typography from '@mui/material/Typography';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Series } from '../core/series';
import { Receipt } from './Receipt';
import { size } from './text/size';
import { uploadText } from './text/upload';
import { cancel, type Job, pause, resume, retry } from './uploading';

const t = uploadText;

/** How far the adding of one series is, and what one can do about it. */
export function SeriesJob({ series, job }: { series: Series; job: Job }) {
    const stop = (
        <Button onClick={() => cancel(series)} data-testid="upload-cancel">
            {t.cancel}
        </Button>
    );
    switch (job.state) {
        case 'queued':
            return <Progress label={t.queued}>{stop}</Progress>;
        case 'preparing': {
            const label = series.volume ? t.packing : t.preparing(job.done, job.all);
            return (
                <Progress label={label} percent={(100 * job.done) / job.all}>
                    {stop}
                </Progress>
            );
        }
        case 'done':
            return (
                <Alert
                    severity="success"
                    action={
                        <Button component={Link} href="/scans" color="inherit" size="small">
                            {t.toScans}
                        </Button>
                    }
                >
                    {t.done}
                </Alert>
            );
        case 'failed':
            return (
                <Alert
                    severity="error"
                    action={
                        <Button color="inherit" size="small" onClick={() => retry(series)}>
                            {t.retry}
                        </Button>
                    }
                >
                    {job.why}
                </Alert>
            );
        default:
            return <SendingView series={series} job={job} stop={stop} />;
    }
}

type Moving = Extract<Job, { sent: number }>;

function SendingView(props: { series: Series; job: Moving; stop: ReactNode }) {
    const { series, job, stop } = props;
    const { state, sent, total, receipt } = job;
    const paused = state === 'paused';
    return (
        <>
            <Progress label={label(job)} percent={(100 * sent) / total}>
                <Button
                    variant="outlined"
                    onClick={() => (paused ? resume(series) : pause(series))}
                    data-testid="upload-pause"
                >
                    {paused ? t.resume : t.pause}
                </Button>
                {stop}
            </Progress>
            <Receipt make={async () => receipt} />
        </>
    );
}

function label(job: Moving): string {
    const [sent, total] = [size(job.sent), size(job.total)];
    switch (job.state) {
        case 'paused':
            return t.paused(sent, total);
        case 'waiting':
            return t.waiting(sent, total);
        case 'sending': {
            if (job.sent === job.total) {
                return t.finishing;
            }
            if (job.rate === 0) {
                return t.sending(sent, total);
            }
            const left_s = Math.ceil((job.total - job.sent) / job.rate);
            return `${t.sending(sent, total)}${t.rate(size(job.rate))} (${t.left(left_s)})`;
        }
    }
}

function Progress(props: { label: string; percent?: number; children: ReactNode }) {
    const { label: text, percent, children } = props;
    const known = percent === undefined ? {} : { variant: 'determinate' as const, value: percent };
    return (
        <Box sx={{ display: 'grid', gap: 1 }}>
            <Typography role="status" variant="body2" data-testid="upload-state">
                {text}
            </Typography>
            <LinearProgress aria-label={t.title} data-testid="upload-progress" {...known} />
            <Box sx={{ display: 'flex', gap: 1 }}>{children}</Box>
        </Box>
    );
}
