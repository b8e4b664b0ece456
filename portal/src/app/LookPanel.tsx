import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Chip from '@mui/material/Chip';
import Slider from '@mui/material/Slider';
import Typography from '@mui/material/Typography';
import { useId } from 'react';
import { facing, type View } from '../core/camera';
import { isShown, lookPatch, looksFor } from '../core/presets';
import type { Patch } from '../core/settings';
import { ranges, type Settings } from '../generated/settings';
import { FocusPanel } from './FocusPanel';
import { lookFrom, showAll } from './gestures';
import { TechniquePanel } from './TechniquePanel';
import { TransferEditor } from './TransferEditor';
import { viewText } from './text/view';
import { useSettings, useView, useViewing } from './viewingContext';

const t = viewText;

/** Tissues, direction, light, and the fine tuning of tissues. */
export function LookPanel() {
    const mode = useSettings((s) => s.settings?.technique.mode);
    if (!mode) {
        return null;
    }
    return (
        <Box sx={{ display: 'grid', gap: 2 }}>
            <Presets />
            <TechniquePanel />
            {mode !== 'slice' && <Directions />}
            <TransferEditor />
            <Light />
            <FocusPanel />
        </Box>
    );
}

function Presets() {
    const viewing = useViewing();
    const volume = useView((v) => v.volume);
    const settings = useSettings((s) => s.settings);
    if (!volume || !settings) {
        return null;
    }
    return (
        <section aria-label={t.presets}>
            <Typography variant="h2" sx={{ mb: 1 }}>
                {t.presets}
            </Typography>
            <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 1 }}>
                {looksFor(volume).map((look) => {
                    const shown = isShown(look, volume, settings);
                    return (
                        <Chip
                            key={look.id}
                            label={look.name}
                            color={shown ? 'primary' : 'default'}
                            aria-pressed={shown}
                            data-testid={`preset-${look.id}`}
                            onClick={() => {
                                viewing.settings.checkpoint();
                                viewing.settings.change(lookPatch(look, volume) as Patch<Settings>);
                            }}
                        />
                    );
                })}
            </Box>
        </section>
    );
}

function Directions() {
    const viewing = useViewing();
    const side = useSettings((s) => (s.settings ? facing(s.settings.camera) : null));
    const turn = (make: (camera: Settings['camera']) => Partial<Settings['camera']>) => {
        const { settings } = viewing.settings;
        if (settings) {
            viewing.settings.checkpoint();
            viewing.settings.change({ camera: make(settings.camera) });
        }
    };
    return (
        <section aria-label={t.direction}>
            <Typography variant="h3" sx={{ mb: 0.5 }}>
                {t.direction}
            </Typography>
            <Box sx={{ display: 'grid', gridTemplateColumns: 'repeat(4, 1fr)', gap: 0.75 }}>
                {(Object.keys(t.sides) as View[]).map((view) => (
                    <Button
                        key={view}
                        size="small"
                        variant={side === view ? 'contained' : 'outlined'}
                        color={side === view ? 'primary' : 'inherit'}
                        aria-pressed={side === view}
                        onClick={() => turn((c) => lookFrom(viewing, c, view))}
                        data-testid={`look-${view}`}
                        sx={{ minWidth: 0, borderColor: 'divider' }}
                    >
                        {t.sides[view]}
                    </Button>
                ))}
                <Button
                    size="small"
                    onClick={() => turn((c) => showAll(viewing, c))}
                    sx={{ gridColumn: 'span 2' }}
                >
                    {t.fit}
                </Button>
            </Box>
        </section>
    );
}

function Light() {
    const viewing = useViewing();
    const film = useSettings((s) => s.settings?.film.exposure ?? 1);
    const around = useSettings((s) => s.settings?.environment.intensity ?? 0);
    const lights = useSettings((s) => s.settings?.lights);
    const change = (patch: Patch<Settings>) => viewing.settings.change(patch);
    const brightest = Math.max(0, ...(lights ?? []).map((l) => l.intensity));
    const lamps = (intensity: number) => {
        const factor = brightest > 0 ? intensity / brightest : 1;
        const scaled = lights?.map((l) => ({ ...l, intensity: l.intensity * factor }));
        if (scaled) {
            change({ lights: scaled });
        }
    };
    const paint = (color: [number, number, number]) => {
        viewing.settings.checkpoint();
        change({ background: { mode: 'color', color } });
    };
    return (
        <section aria-label={t.light}>
            <Typography variant="h2">{t.light}</Typography>
            <Stops
                label={t.brightness}
                value={film}
                range={[0.1, 10]}
                limit={ranges['film.exposure']}
                onChange={(exposure) => change({ film: { exposure } })}
            />
            <Stops
                label={t.lamp}
                value={brightest}
                range={[0.5, 200]}
                limit={ranges['lights.intensity']}
                onChange={lamps}
            />
            <Stops
                label={t.surrounding}
                value={around}
                range={[0.02, 20]}
                limit={ranges['environment.intensity']}
                onChange={(intensity) => change({ environment: { intensity } })}
            />
            <Box sx={{ display: 'flex', gap: 1, alignItems: 'center', mt: 0.5 }}>
                <Typography variant="body2" sx={{ mr: 'auto' }}>
                    {t.background}
                </Typography>
                <Button size="small" onClick={() => paint([0.05, 0.055, 0.065])}>
                    {t.dark}
                </Button>
                <Button size="small" onClick={() => paint([0.92, 0.92, 0.9])}>
                    {t.bright}
                </Button>
            </Box>
        </section>
    );
}

interface StopsProps {
    label: string;
    value: number;
    range: [number, number];
    limit: { min: number; max: number };
    onChange: (value: number) => void;
}

/** A slider in photographic stops: equal steps look equal. */
function Stops({ label, value, range, limit, onChange }: StopsProps) {
    const viewing = useViewing();
    const id = useId();
    const [low, high] = range.map(Math.log2) as [number, number];
    const at = Math.min(high, Math.max(low, Math.log2(Math.max(value, 1e-6))));
    return (
        <Box sx={{ display: 'grid', gridTemplateColumns: '9.5rem 1fr', alignItems: 'center' }}>
            <Typography variant="body2" id={id}>
                {label}
            </Typography>
            <Slider
                size="small"
                min={low}
                max={high}
                step={0.05}
                value={at}
                aria-labelledby={id}
                onPointerDownCapture={() => viewing.settings.checkpoint()}
                onChange={(_, v) => {
                    onChange(Math.min(limit.max, Math.max(limit.min, 2 ** (v as number))));
                }}
            />
        </Box>
    );
}
