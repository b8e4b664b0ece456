import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Card from '@mui/material/Card';
import Chip from '@mui/material/Chip';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useState } from 'react';
import type { Series } from '../core/series';
import { Receipt } from './Receipt';
import { SeriesJob } from './SeriesJob';
import { size } from './text/size';
import { uploadText } from './text/upload';
import { add, receiptOf, useUploading } from './uploading';

const t = uploadText;

/** One series that was found: what it is, and the way it goes. */
export function SeriesCard({ series, people }: { series: Series; people: boolean }) {
    const job = useUploading((u) => u.jobs.get(series));
    return (
        <Card
            variant="outlined"
            component="li"
            data-testid="series-card"
            sx={{ p: 2, display: 'grid', gridTemplateColumns: 'minmax(0, 1fr)', gap: 2 }}
        >
            <Box sx={{ display: 'flex', gap: 2, alignItems: 'start' }}>
                <Chip label={whatIs(series)} color="primary" />
                <Box sx={{ minWidth: 0 }}>
                    <Typography variant="h3" sx={{ overflowWrap: 'anywhere' }}>
                        {series.description || t.unnamed}{' '}
                        {series.description && (
                            <Typography component="span" variant="caption" color="textSecondary">
                                ({t.localOnly})
                            </Typography>
                        )}
                    </Typography>
                    {people && <Typography variant="body2">{series.patient}</Typography>}
                    <Typography variant="body2" color="textSecondary">
                        {t.geometry(series.dims, series.spacing_mm)}, {size(series.bytes)}
                    </Typography>
                </Box>
            </Box>
            {series.notices.map((n) => (
                <Alert key={n.code} severity={n.code === 'burned_in' ? 'warning' : 'info'}>
                    {t.notice[n.code](n)}
                </Alert>
            ))}
            {job ? <SeriesJob series={series} job={job} /> : <Offer series={series} />}
        </Card>
    );
}

const whatIs = ({ modality, format }: Series) => modality || (format === 'DICOM' ? '?' : format);

function Offer({ series }: { series: Series }) {
    const [title, setTitle] = useState('');
    const [phase, setPhase] = useState(series.phase);
    const times = series.phases.length;
    const fallback = t.defaultTitle(series.modality);
    return (
        <>
            {times > 1 && (
                <TextField
                    select
                    label={t.phase}
                    helperText={t.phaseHelp}
                    value={phase}
                    onChange={(e) => setPhase(Number(e.target.value))}
                    slotProps={{ htmlInput: { 'data-testid': 'series-phase' } }}
                    sx={{ maxWidth: 480 }}
                >
                    {series.phases.map((_, i) => (
                        // biome-ignore lint/suspicious/noArrayIndexKey: a time point is its number
                        <MenuItem key={i} value={i}>
                            {t.phaseOf(i + 1, times)}
                        </MenuItem>
                    ))}
                </TextField>
            )}
            <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 1.5, alignItems: 'start' }}>
                <TextField
                    size="small"
                    label={t.titleLabel}
                    helperText={t.titleHelp}
                    placeholder={fallback}
                    value={title}
                    onChange={(e) => setTitle(e.target.value)}
                    sx={{ flex: '1 1 260px', maxWidth: { sm: 480 } }}
                    slotProps={{
                        htmlInput: { maxLength: 200, autoComplete: 'off' },
                        inputLabel: { shrink: true },
                    }}
                />
                <Button
                    variant="contained"
                    onClick={() => add(series, phase, title.trim() || fallback)}
                    data-testid="series-upload"
                    sx={{ flexGrow: { xs: 1, sm: 0 }, minHeight: 40 }}
                >
                    {t.send}
                </Button>
            </Box>
            <Receipt key={phase} make={() => receiptOf(series, phase)} />
        </>
    );
}
