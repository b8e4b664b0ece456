import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Chip from '@mui/material/Chip';
import Slider from '@mui/material/Slider';
import Typography from '@mui/material/Typography';
import type { Volume } from '../generated/messages';
import type { Settings } from '../generated/settings';
import { viewText } from './text/view';
import { useSettings, useView, useViewing } from './viewingContext';

const t = viewText;
const AXES = ['x', 'y', 'z'] as const;
const ENDS = ['min', 'max'] as const;
/* What stays at least between two cuts, per cent of the edge. */
const LEFT_PERCENT = 1;

type Box3 = Settings['clip']['box'];

/** Six sliders, one for each side that can be cut away. */
export function CutPanel() {
    const viewing = useViewing();
    const volume = useView((v) => v.volume);
    const box = useSettings((s) => s.settings?.clip.box);
    if (!volume || !box) {
        return null;
    }
    const reset = () => {
        viewing.settings.checkpoint();
        const { bounds_min, bounds_max } = volume;
        viewing.settings.change({ clip: { box: { min: bounds_min, max: bounds_max } } });
    };
    return (
        <section aria-label={t.cut}>
            <Typography variant="h2" sx={{ display: { xs: 'none', md: 'block' } }}>
                {t.cut}
            </Typography>
            <Typography variant="body2" color="textSecondary">
                {t.cutLead} {t.sidesNote}
            </Typography>
            {AXES.flatMap((name, axis) =>
                ENDS.map((end) => (
                    <CutSlider key={name + end} volume={volume} box={box} axis={axis} end={end} />
                )),
            )}
            {volume.table && <HideTable />}
            <Button onClick={reset} data-testid="clip-reset">
                {t.resetCut}
            </Button>
        </section>
    );
}

/** Where the import found the scanner's table under the body. */
function HideTable() {
    const viewing = useViewing();
    const table = useSettings((s) => s.settings?.clip.table);
    const hidden = table === 'hide';
    return (
        <Chip
            label={t.hideTable}
            color={hidden ? 'primary' : 'default'}
            aria-pressed={hidden}
            sx={{ my: 1 }}
            data-testid="clip-table"
            onClick={() => {
                viewing.settings.checkpoint();
                viewing.settings.change({ clip: { table: hidden ? 'show' : 'hide' } });
            }}
        />
    );
}

interface CutProps {
    volume: Volume;
    box: Box3;
    axis: number;
    end: 'min' | 'max';
}

function CutSlider({ volume, box, axis, end }: CutProps) {
    const viewing = useViewing();
    const name = `${AXES[axis]}-${end}`;
    const low = volume.bounds_min[axis]!;
    const edge = volume.bounds_max[axis]! - low;
    const other = end === 'min' ? box.max[axis]! : box.min[axis]!;
    const cutOther = (100 * (end === 'min' ? low + edge - other : other - low)) / edge;
    const at = box[end][axis]!;
    const cut = (100 * (end === 'min' ? at - low : low + edge - at)) / edge;

    const set = (percent: number) => {
        const p = Math.min(percent, 100 - LEFT_PERCENT - cutOther);
        const along = end === 'min' ? low + (edge * p) / 100 : low + edge - (edge * p) / 100;
        const point = box[end].with(axis, along) as Box3['min'];
        viewing.settings.change({ clip: { box: { [end]: point } } });
    };

    return (
        <Box
            sx={{
                display: 'grid',
                gridTemplateColumns: '9.5rem minmax(0, 1fr) 2.6rem',
                alignItems: 'center',
                gap: 1.5,
            }}
        >
            <Typography variant="body2" id={`cut-${name}`}>
                {t.cutFrom[name]}
            </Typography>
            <Slider
                size="small"
                value={Math.round(cut * 10) / 10}
                min={0}
                max={99}
                step={0.5}
                onPointerDownCapture={() => viewing.settings.checkpoint()}
                onChange={(_, value) => set(value as number)}
                aria-labelledby={`cut-${name}`}
                slotProps={{ input: { 'data-testid': `clip-${name}` } as object }}
            />
            <Typography variant="caption" sx={{ textAlign: 'right' }}>
                {Math.round(cut)} %
            </Typography>
        </Box>
    );
}
