import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import { Link } from 'wouter';
import { uploadText } from './text/upload';
import { useUploading } from './uploading';

/** On other pages: what is still being added, and the way there. */
export function UploadsUnderWay() {
    const jobs = useUploading((u) => u.jobs);
    const n = [...jobs.values()].filter((j) => j.state !== 'done' && j.state !== 'failed').length;
    return n === 0 ? null : (
        <Alert
            severity="info"
            sx={{ mb: 2 }}
            action={
                <Button component={Link} href="/upload" color="inherit" size="small">
                    {uploadText.show}
                </Button>
            }
        >
            {uploadText.underWay(n)}
        </Alert>
    );
}
