import Box from '@mui/material/Box';
import qrcode from 'qrcode-generator';

/** Modules of light around it, as ISO/IEC 18004 asks. */
const QUIET = 4;

/** Black on white whatever the scheme: cameras expect that. */
export function QrCode({ value, label }: { value: string; label: string }) {
    const code = qrcode(0, 'M');
    code.addData(value);
    code.make();
    const n = code.getModuleCount();
    let dark = '';
    for (let row = 0; row < n; row++) {
        for (let column = 0; column < n; column++) {
            if (code.isDark(row, column)) {
                dark += `M${column} ${row}h1v1h-1z`;
            }
        }
    }
    const edge = n + 2 * QUIET;
    return (
        <Box
            component="svg"
            role="img"
            aria-label={label}
            viewBox={`${-QUIET} ${-QUIET} ${edge} ${edge}`}
            shapeRendering="crispEdges"
            data-testid="share-qr"
            sx={{ width: 200, height: 200, borderRadius: 1, bgcolor: '#fff' }}
        >
            <path d={dark} fill="#000" />
        </Box>
    );
}
