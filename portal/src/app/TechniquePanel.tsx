import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Chip from '@mui/material/Chip';
import Typography from '@mui/material/Typography';
import type { Patch } from '../core/settings';
import { depthOf, moveSlice, type Plane, planeOf, turnTo } from '../core/slice';
import type { Volume } from '../generated/messages';
import type { Settings } from '../generated/settings';
import { Amount } from './Amount';
import { viewText } from './text/view';
import { useSettings, useView, useViewing } from './viewingContext';

const t = viewText;
const THICKEST_MM = 100;

type Technique = Settings['technique'];
type Change = (technique: Patch<Technique>) => void;

/** Light, surface, projection or slice, and what each of them needs. */
export function TechniquePanel() {
    const viewing = useViewing();
    const volume = useView((v) => v.volume);
    const technique = useSettings((s) => s.settings?.technique);
    if (!volume || !technique) {
        return null;
    }
    const change: Change = (patch) => viewing.settings.change({ technique: patch });
    const { mode } = technique;
    return (
        <section aria-label={t.technique}>
            <Typography variant="h3" sx={{ mb: 1 }}>
                {t.technique}
            </Typography>
            <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 1, mb: 0.5 }}>
                {(Object.keys(t.techniques) as Technique['mode'][]).map((m) => (
                    <Chip
                        key={m}
                        label={t.techniques[m]}
                        color={m === mode ? 'primary' : 'default'}
                        aria-pressed={m === mode}
                        data-testid={`technique-${m}`}
                        onClick={() => {
                            viewing.settings.checkpoint();
                            change({ mode: m });
                        }}
                    />
                ))}
            </Box>
            {mode === 'isosurface' && (
                <Surface technique={technique} volume={volume} change={change} />
            )}
            {mode === 'slice' && <Plane3 technique={technique} volume={volume} change={change} />}
            {mode !== 'path' && mode !== 'isosurface' && (
                <Window technique={technique} volume={volume} change={change} />
            )}
        </section>
    );
}

interface PartProps {
    technique: Technique;
    volume: Volume;
    change: Change;
}

/** All but 2 % of the values, and half as much to either side. */
function spread({ percentiles }: Volume) {
    const [low, , , high] = percentiles;
    const span = Math.max(1, high - low);
    return { min: low - span / 2, max: high + span / 2, span };
}

function Surface({ technique, volume, change }: PartProps) {
    const { min, max, span } = spread(volume);
    return (
        <Amount
            label={t.surfaceAt}
            value={technique.isovalue}
            min={min}
            max={max}
            step={span / 200}
            unit={volume.unit}
            testId="isovalue"
            onChange={(isovalue) => change({ isovalue })}
        />
    );
}

function Window({ technique, volume, change }: PartProps) {
    const viewing = useViewing();
    const { min, max, span } = spread(volume);
    const colored = technique.colors === 'transfer';
    return (
        <>
            <Amount
                label={t.windowCenter}
                value={technique.window.center}
                min={min}
                max={max}
                step={span / 200}
                unit={volume.unit}
                testId="window-center"
                onChange={(center) => change({ window: { center } })}
            />
            <Amount
                label={t.windowWidth}
                value={technique.window.width}
                min={span / 100}
                max={2 * span}
                step={span / 100}
                unit={volume.unit}
                testId="window-width"
                onChange={(width) => change({ window: { width } })}
            />
            <Chip
                size="small"
                label={t.inColors}
                color={colored ? 'primary' : 'default'}
                aria-pressed={colored}
                data-testid="technique-colors"
                onClick={() => {
                    viewing.settings.checkpoint();
                    change({ colors: colored ? 'grey' : 'transfer' });
                }}
            />
        </>
    );
}

function Plane3({ technique, volume, change }: PartProps) {
    const viewing = useViewing();
    const { slice } = technique;
    const { bounds_min: low, bounds_max: high } = volume;
    const { at, min, max } = depthOf(slice, low, high);
    const plane = planeOf(slice);
    return (
        <>
            <Box sx={{ display: 'grid', gridTemplateColumns: 'repeat(3, 1fr)', gap: 0.75 }}>
                {(Object.keys(t.planes) as Plane[]).map((p) => (
                    <Button
                        key={p}
                        size="small"
                        variant={p === plane ? 'contained' : 'outlined'}
                        color={p === plane ? 'primary' : 'inherit'}
                        aria-pressed={p === plane}
                        data-testid={`plane-${p}`}
                        onClick={() => {
                            viewing.settings.checkpoint();
                            change({ slice: turnTo(p) });
                        }}
                        sx={{ minWidth: 0, borderColor: 'divider' }}
                    >
                        {t.planes[p]}
                    </Button>
                ))}
            </Box>
            <Amount
                label={t.depth}
                value={at - min}
                min={0}
                max={max - min}
                step={0.5}
                unit="mm"
                testId="slice-depth"
                onChange={(to) => change({ slice: moveSlice(slice, min + to - at, low, high) })}
            />
            <Amount
                label={t.thickness}
                value={slice.thickness_mm}
                min={0}
                max={THICKEST_MM}
                step={0.5}
                unit="mm"
                testId="slice-thickness"
                onChange={(thickness_mm) => change({ slice: { thickness_mm } })}
            />
        </>
    );
}
