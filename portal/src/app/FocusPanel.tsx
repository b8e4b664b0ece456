import Box from '@mui/material/Box';
import Chip from '@mui/material/Chip';
import Typography from '@mui/material/Typography';
import { Amount } from './Amount';
import { viewText } from './text/view';
import { useSettings, useView, useViewing } from './viewingContext';

const t = viewText;
/* Wider lenses show one thin layer of a body and nothing else. */
const WIDEST_MM = 40;

/** How much blurs, and what is sharp: chosen in the picture, or by itself. */
export function FocusPanel() {
    const viewing = useViewing();
    const camera = useSettings((s) => s.settings?.camera);
    const lit = useSettings((s) => {
        const mode = s.settings?.technique.mode;
        return mode === 'path' || mode === 'isosurface';
    });
    const focusing = useView((v) => v.focusing);
    if (!camera || !lit) {
        return null;
    }
    return (
        <section aria-label={t.focus}>
            <Typography variant="h3">{t.focus}</Typography>
            <Amount
                label={t.blur}
                value={camera.aperture_mm}
                min={0}
                max={WIDEST_MM}
                step={0.5}
                unit="mm"
                testId="aperture"
                onChange={(aperture_mm) => viewing.settings.change({ camera: { aperture_mm } })}
            />
            <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 1 }}>
                <Chip
                    label={focusing ? t.focusPicking : t.focusPick}
                    color={focusing ? 'primary' : 'default'}
                    aria-pressed={focusing}
                    data-testid="focus-pick"
                    onClick={() => viewing.state.setState({ focusing: !focusing })}
                />
                <Chip
                    label={t.autofocus}
                    color={camera.autofocus ? 'primary' : 'default'}
                    aria-pressed={camera.autofocus}
                    data-testid="autofocus"
                    onClick={() => {
                        viewing.settings.checkpoint();
                        viewing.settings.change({ camera: { autofocus: !camera.autofocus } });
                    }}
                />
            </Box>
        </section>
    );
}
