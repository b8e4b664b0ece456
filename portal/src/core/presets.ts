/* The looks of api/presets.json, as patches for a scan. The server makes its
 * default settings from the same file in the same way. */

import file from '../../../api/presets.json';
import type { Volume } from '../generated/messages';
import type { Settings } from '../generated/settings';

export interface Look {
    id: string;
    name: string;
    modality: string;
    unit: string;
    lighting: string;
    transfer: Settings['transfer'];
    shading: Partial<Settings['shading']>;
    film: Partial<Settings['film']>;
}

const looks = file.presets as unknown as Look[];

/** The looks of its modality; others are treated like MR. */
export function looksFor({ modality }: Volume): Look[] {
    const own = looks.filter((l) => l.modality === modality);
    return own.length > 0 ? own : looks.filter((l) => l.modality === 'MR');
}

/** Tissues, light and film of a look; camera and cuts stay. */
export function lookPatch(look: Look, volume: Volume): Record<string, unknown> {
    const light = file.lighting.find((l) => l.id === look.lighting);
    const radius = Math.hypot(...volume.bounds_max.map((m, i) => m - volume.bounds_min[i]!)) / 2;
    const lights = light?.lights.map(({ distance, width, height, ...lamp }) => ({
        ...lamp,
        distance_mm: mm(distance * radius),
        width_mm: mm(width * radius),
        height_mm: mm(height * radius),
    }));
    const points = look.transfer.points.map((p) => ({
        ...p,
        value: inUnit(p.value, look, volume),
    }));
    return {
        transfer: { ...look.transfer, points },
        shading: look.shading,
        film: look.film,
        ...(light ? { lights, environment: light.environment, background: light.background } : {}),
    };
}

/** Lamps are placed to a tenth of a millimetre. */
function mm(length: number): number {
    return Math.max(1, Math.round(10 * length) / 10);
}

function inUnit(value: number, look: Look, { percentiles }: Volume): number {
    if (look.unit !== 'percentile') {
        return value;
    }
    const span = percentiles[3] - percentiles[0];
    return percentiles[0] + value * (span > 1e-3 ? span : 1);
}

/** True when this look's tissues are what is shown. */
export function isShown(look: Look, volume: Volume, { transfer }: Settings): boolean {
    const near = (a: number, b: number) => Math.abs(a - b) < 1e-6 * Math.max(1, Math.abs(a));
    const { points } = look.transfer;
    return (
        points.length === transfer.points.length &&
        transfer.points.every((p, i) => {
            const own = points[i]!;
            return (
                near(p.value, inUnit(own.value, look, volume)) &&
                near(p.opacity, own.opacity) &&
                p.color.every((c, k) => near(c, own.color[k]!))
            );
        })
    );
}
