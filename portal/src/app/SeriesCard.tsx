import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Card from '@mui/material/Card';
import Chip from '@mui/material/Chip';
import Typography from '@mui/material/Typography';
import type { Series } from '../core/series';
import { prepare } from '../core/upload';
import { Receipt } from './Receipt';
import { size, text } from './text';

const t = text.upload;

/** One series that was found, and why it cannot be taken if so. */
export function SeriesCard({ series, onSend }: { series: Series; onSend: () => void }) {
    const { refusal, notices } = series;
    return (
        <Card
            variant="outlined"
            component="li"
            data-testid="series-card"
            sx={{
                p: 2,
                display: 'grid',
                gridTemplateColumns: 'minmax(0, 1fr)',
                gap: 1,
                bgcolor: refusal ? 'transparent' : 'background.paper',
            }}
        >
            <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 2, alignItems: 'center' }}>
                <Chip label={series.modality || '?'} color={refusal ? 'default' : 'primary'} />
                <Box sx={{ flex: '1 1 220px', minWidth: 0 }}>
                    <Typography variant="h3" sx={{ overflowWrap: 'anywhere' }}>
                        {series.description || t.unnamed}{' '}
                        {series.description && (
                            <Typography component="span" variant="caption" color="textSecondary">
                                ({t.localOnly})
                            </Typography>
                        )}
                    </Typography>
                    <Typography variant="body2" color="textSecondary">
                        {t.slices(series.count)} ·{' '}
                        {t.geometry(series.rows, series.columns, series.step_mm)} ·{' '}
                        {size(series.bytes)}
                    </Typography>
                </Box>
                {refusal ? (
                    <Typography variant="body2">{t.refusal[refusal]}</Typography>
                ) : (
                    <Button
                        variant="contained"
                        onClick={onSend}
                        data-testid="series-upload"
                        sx={{ flexGrow: { xs: 1, sm: 0 } }}
                    >
                        {t.send}
                    </Button>
                )}
            </Box>
            {notices.map((n) => (
                <Alert key={n} severity={n === 'burned_in' ? 'warning' : 'info'}>
                    {t.notice[n]}
                </Alert>
            ))}
            {!refusal && <Receipt make={() => receiptOf(series)} />}
        </Card>
    );
}

/** Rewrites the heads without sending them, to show what would be sent. */
async function receiptOf(series: Series) {
    const files = series.slices.map((s) => s.file);
    return (await prepare(files, () => {}, new AbortController().signal)).receipt;
}
