#include "render-worker/import/dicom_shim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <exception>
#include <new>
#include <string>

#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmdata/dcrleerg.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpeg/djencode.h"
#include "dcmtk/dcmjpeg/djrplol.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/dcmjpls/djencode.h"
#include "dcmtk/oflog/oflog.h"

namespace {

/*
 * A file in memory that DCMTK may come back to: long values are skipped and
 * read when asked for. With DCMTK's own buffer stream a length of 4 GB in a
 * 20 KB file is believed, allocated and searched.
 */
class MemoryStream : public DcmInputStream {
  public:
    MemoryStream(const uint8_t *data, size_t len, size_t at)
        : DcmInputStream(&producer_), data_(data), len_(len), start_(at)
    {
        producer_.setBuffer(data + at, static_cast<offile_off_t>(len - at));
        producer_.setEos();
    }

    DcmInputStreamFactory *newFactory() const;

  private:
    DcmBufferProducer producer_;
    const uint8_t *data_;
    size_t len_, start_;
};

class MemoryFactory : public DcmInputStreamFactory {
  public:
    MemoryFactory(const uint8_t *data, size_t len, size_t at)
        : data_(data), len_(len), at_(at)
    {
    }

    DcmInputStream *
    create() const
    {
        return new MemoryStream(data_, len_, at_);
    }

    DcmInputStreamFactory *
    clone() const
    {
        return new MemoryFactory(*this);
    }

    DcmInputStreamFactoryType
    ident() const
    {
        return DFT_DcmInputFileStreamFactory;
    }

  private:
    const uint8_t *data_;
    size_t len_, at_;
};

DcmInputStreamFactory *
MemoryStream::newFactory() const
{
    return new MemoryFactory(data_, len_, start_ + static_cast<size_t>(tell()));
}

struct Reading {
    MemoryStream stream;
    DcmDataset dataset;
    dicom_status_t status = DICOM_OK;
    bool stopped = false; /* before the pixels */

    Reading(const uint8_t *data, size_t len) : stream(data, len, 0)
    {
    }
};

dicom_status_t
status_of(const OFCondition &c)
{
    if (c.good()) {
        return DICOM_OK;
    }

    if (c == EC_EndOfStream || c == EC_StreamNotifyClient ||
        c == EC_InvalidStream || c == EC_SequDelimitationItemMissing ||
        c == EC_ItemDelimitationItemMissing) {
        return DICOM_CUT;
    }

    return c == EC_MemoryExhausted ? DICOM_NO_MEMORY : DICOM_DAMAGED;
}

void
read_dataset(Reading &r, size_t len, const char *syntax, bool header)
{
    E_TransferSyntax xfer = EXS_Unknown;
    OFCondition c;

    if (syntax != NULL) {
        xfer = DcmXfer(syntax).getXfer();
    }

    r.dataset.transferInit();

    c = header ? r.dataset.readUntilTag(r.stream, xfer, EGL_noChange,
                                        DCM_MaxReadLength, DCM_PixelData)
               : r.dataset.read(r.stream, xfer);

    r.dataset.transferEnd();
    r.stopped = c.good() && r.stream.tell() < static_cast<offile_off_t>(len);
    r.status = status_of(c);
}

void
text(DcmItem &d, const DcmTagKey &tag, unsigned long at, char *dst, size_t cap)
{
    OFString s;

    dst[0] = '\0';
    if (d.findAndGetOFString(tag, s, at).good()) {
        snprintf(dst, cap, "%s", s.c_str());
    }
}

std::string
text(DcmItem &d, const DcmTagKey &tag, unsigned long at = 0)
{
    OFString s;

    return d.findAndGetOFString(tag, s, at).good() ? std::string(s.c_str())
                                                   : std::string();
}

double
number(DcmItem &d, const DcmTagKey &tag, double absent, unsigned long at = 0)
{
    Float64 v;
    Sint32 whole;

    if (d.findAndGetFloat64(tag, v, at).good()) {
        return v;
    }

    return d.findAndGetSint32(tag, whole, at).good() ? whole : absent;
}

uint32_t
small(DcmItem &d, const DcmTagKey &tag, uint32_t absent)
{
    Uint16 v;

    return d.findAndGetUint16(tag, v).good() ? v : absent;
}

bool
numbers(DcmItem &d, const DcmTagKey &tag, double *dst, unsigned long n)
{
    Float64 v;

    for (unsigned long i = 0; i < n; i++) {
        if (d.findAndGetFloat64(tag, v, i).bad() || !isfinite(v)) {
            return false;
        }
        dst[i] = v;
    }

    return true;
}

uint64_t
hash_of(DcmItem &d, const DcmTagKey &tag)
{
    std::string s = text(d, tag);

    return s.empty() ? 0 : expo_series_hash(s.data(), s.size());
}

/* HHMMSS.FFFFFF as seconds of the day. */
double
clock_of(DcmItem &d, const DcmTagKey &tag)
{
    int h = 0, m = 0;
    double s = 0;
    std::string t = text(d, tag);

    if (sscanf(t.c_str(), "%2d%2d%lf", &h, &m, &s) < 2) {
        return NAN;
    }

    return h * 3600.0 + m * 60.0 + s;
}

/* What else sets pictures of one series apart: see REQUIREMENTS, «Group». */
uint64_t
kind_of(DcmItem &d)
{
    std::string k = text(d, DCM_Modality);

    for (unsigned long i = 0; i < 3; i++) {
        k += '|' + text(d, DCM_ImageType, i);
    }

    k += '|' + text(d, DCM_EchoTime) + '|' + text(d, DCM_EchoNumbers) + '|' +
         text(d, DCM_ConvolutionKernel) + '|' +
         text(d, DCM_PhotometricInterpretation) + '|' +
         std::to_string(number(d, DCM_DiffusionBValue, -1));

    return expo_series_hash(k.data(), k.size());
}

void
slice_of(DcmItem &d, expo_slice_t *s)
{
    double pair[2], six[6];

    s->series = hash_of(d, DCM_SeriesInstanceUID);
    s->instance = hash_of(d, DCM_SOPInstanceUID);
    s->frame = hash_of(d, DCM_FrameOfReferenceUID);
    s->kind = kind_of(d);
    s->rows = small(d, DCM_Rows, 0);
    s->cols = small(d, DCM_Columns, 0);
    s->number = static_cast<int32_t>(
        fmax(-1e9, fmin(1e9, number(d, DCM_InstanceNumber, 0))));

    if (numbers(d, DCM_PixelSpacing, pair, 2)) {
        s->flags |= EXPO_SLICE_SPACING;
        s->spacing_mm[0] = pair[1];
        s->spacing_mm[1] = pair[0];
    }

    if (numbers(d, DCM_ImagePositionPatient, s->position, 3)) {
        s->flags |= EXPO_SLICE_POSITION;
    }

    if (numbers(d, DCM_ImageOrientationPatient, six, 6)) {
        s->flags |= EXPO_SLICE_ORIENTATION;
        memcpy(s->along_row, six, sizeof s->along_row);
        memcpy(s->along_column, six + 3, sizeof s->along_column);
    }

    s->step_mm = fabs(
        number(d, DCM_SpacingBetweenSlices, number(d, DCM_SliceThickness, 0)));

    s->time[0] = number(d, DCM_TemporalPositionIdentifier, NAN);
    s->time[1] = number(d, DCM_TriggerTime, NAN);
    s->time[2] = clock_of(d, DCM_AcquisitionTime);
    s->time[3] = clock_of(d, DCM_ContentTime);

    for (unsigned long i = 0; i < 6; i++) {
        if (text(d, DCM_ImageType, i) == "LOCALIZER") {
            s->flags |= EXPO_SLICE_LOCALIZER;
        }
    }
}

void
padding_of(DcmItem &d, dicom_header_t *h)
{
    const DcmTagKey tags[2] = {DCM_PixelPaddingValue,
                               DCM_PixelPaddingRangeLimit};
    Uint16 u;
    Sint16 s;

    for (int i = 0; i < 2; i++) {
        if (d.findAndGetUint16(tags[i], u).good()) {
            h->padding[i] = h->is_signed ? static_cast<Sint16>(u) : u;

        } else if (d.findAndGetSint16(tags[i], s).good()) {
            h->padding[i] = h->is_signed ? s : static_cast<Uint16>(s);

        } else if (i == 0) {
            return;

        } else {
            h->padding[1] = h->padding[0];
        }
    }

    if (h->padding[1] < h->padding[0]) {
        int32_t low = h->padding[1];
        h->padding[1] = h->padding[0];
        h->padding[0] = low;
    }

    h->has_padding = 1;
}

void
header_of(DcmItem &d, dicom_header_t *h)
{
    std::string photometric = text(d, DCM_PhotometricInterpretation);

    slice_of(d, &h->slice);

    text(d, DCM_SOPClassUID, 0, h->sop_class, sizeof h->sop_class);
    text(d, DCM_Modality, 0, h->modality, sizeof h->modality);
    text(d, DCM_RescaleType, 0, h->rescale_type, sizeof h->rescale_type);

    h->samples = small(d, DCM_SamplesPerPixel, 1);
    h->frames = static_cast<uint32_t>(
        fmax(0, fmin(1e9, number(d, DCM_NumberOfFrames, 1))));
    h->bits_allocated = small(d, DCM_BitsAllocated, 0);
    h->bits_stored = small(d, DCM_BitsStored, h->bits_allocated);
    h->high_bit = small(d, DCM_HighBit, h->bits_stored - 1);
    h->is_signed = small(d, DCM_PixelRepresentation, 0) == 1;
    h->palette = photometric == "PALETTE COLOR";
    h->inverted = photometric == "MONOCHROME1";
    h->slope = number(d, DCM_RescaleSlope, 1);
    h->intercept = number(d, DCM_RescaleIntercept, 0);
    h->modality_lut = d.tagExistsWithValue(DCM_ModalityLUTSequence);
    h->burned_in = text(d, DCM_BurnedInAnnotation) == "YES";

    for (unsigned long i = 0; i < 8; i++) {
        h->mosaic = h->mosaic || text(d, DCM_ImageType, i) == "MOSAIC";
    }

    padding_of(d, h);
}

/* Values as stored: shifted down to bit 0, cut to bits_stored, sign-extended.
 */
template <typename Raw, typename Out>
void
unpack(const Raw *src, Out *dst, size_t n, const dicom_header_t *h)
{
    const unsigned shift = h->high_bit + 1 - h->bits_stored;
    const uint32_t mask =
        h->bits_stored == 32 ? 0xffffffffu : (1u << h->bits_stored) - 1;
    const uint32_t sign = h->is_signed ? 1u << (h->bits_stored - 1) : 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t v = (static_cast<uint32_t>(src[i]) >> shift) & mask;
        dst[i] = static_cast<Out>((v ^ sign) - sign);
    }
}

/* The caller's room follows the header's bits, whatever the decoder made. */
template <typename Raw>
void
unpack_into(const Raw *src, void *dst, size_t n, const dicom_header_t *after,
            const dicom_header_t *before)
{
    if (before->bits_stored <= 16) {
        unpack(src, static_cast<uint16_t *>(dst), n, after);
    } else {
        unpack(src, static_cast<uint32_t *>(dst), n, after);
    }
}

/*
 * Decoders may change what the header said of bits (8-bit JPEG in a 16-bit
 * frame): what the data set says afterwards is what counts.
 */
dicom_status_t
pixels_of(DcmDataset &d, const dicom_header_t *before, void *dst, size_t n)
{
    dicom_header_t h = *before;
    unsigned long count = 0;
    DcmElement *e = NULL;
    Uint8 *p8 = NULL;
    Uint16 *p16 = NULL;

    h.bits_allocated = small(d, DCM_BitsAllocated, 0);
    h.bits_stored = small(d, DCM_BitsStored, h.bits_allocated);
    h.high_bit = small(d, DCM_HighBit, h.bits_stored - 1);

    if (small(d, DCM_Rows, 0) != h.slice.rows ||
        small(d, DCM_Columns, 0) != h.slice.cols || h.bits_stored == 0 ||
        h.bits_stored > before->bits_stored || h.high_bit > 31 ||
        h.bits_stored > h.bits_allocated || h.high_bit + 1 < h.bits_stored ||
        h.high_bit >= h.bits_allocated) {
        return DICOM_DAMAGED;
    }

    if (d.findAndGetElement(DCM_PixelData, e).bad() || e == NULL) {
        return DICOM_NO_PIXELS;
    }

    if (h.bits_allocated == 8) {
        /* Explicit OW words of two pixels lie in the machine's own order. */
        count = e->getLength();
        if (e->getVR() == EVR_OW || e->getVR() == EVR_ox) {
            if (e->getUint16Array(p16).bad() || p16 == NULL) {
                return DICOM_DAMAGED;
            }
            p8 = reinterpret_cast<Uint8 *>(p16);
        } else if (e->getUint8Array(p8).bad() || p8 == NULL) {
            return DICOM_DAMAGED;
        }
        if (count < n) {
            return DICOM_CUT;
        }
        unpack_into(p8, dst, n, &h, before);
        return DICOM_OK;
    }

    if (e->getUint16Array(p16).bad() || p16 == NULL) {
        return DICOM_DAMAGED;
    }

    count = e->getLength() / 2;

    if (h.bits_allocated == 16) {
        if (count < n) {
            return DICOM_CUT;
        }
        unpack_into(p16, dst, n, &h, before);
        return DICOM_OK;
    }

    if (h.bits_allocated != 32) {
        return DICOM_DAMAGED;
    }

    if (count / 2 < n) {
        return DICOM_CUT;
    }

    unpack_into(reinterpret_cast<const uint32_t *>(p16), dst, n, &h, before);
    return DICOM_OK;
}

void
put(DcmItem &d, const DcmTagKey &tag, const char *value)
{
    d.putAndInsertString(tag, value);
}

void
put(DcmItem &d, const DcmTagKey &tag, const double *v, int n)
{
    char s[128] = "", one[20];

    for (int i = 0; i < n; i++) {
        snprintf(one, sizeof one, "%s%.9g", i ? "\\" : "", v[i]);
        strncat(s, one, sizeof s - strlen(s) - 1);
    }

    d.putAndInsertString(tag, s);
}

void
describe(DcmDataset &d, const dicom_picture_t *p)
{
    const bool ct = strcmp(p->modality, "CT") == 0;
    const char *name = p->patient ? p->patient : "Phantom";
    double six[6], pair[2] = {p->spacing_mm[1], p->spacing_mm[0]};

    memcpy(six, p->along_row, sizeof p->along_row);
    memcpy(six + 3, p->along_column, sizeof p->along_column);

    put(d, DCM_SOPClassUID, ct ? UID_CTImageStorage : UID_MRImageStorage);
    put(d, DCM_SOPInstanceUID, p->instance_uid);
    put(d, DCM_StudyInstanceUID, p->study_uid);
    put(d, DCM_SeriesInstanceUID, p->series_uid);
    put(d, DCM_FrameOfReferenceUID, p->frame_uid);
    put(d, DCM_ImageType, p->image_type);
    put(d, DCM_Modality, p->modality);
    put(d, DCM_PatientName, name);
    put(d, DCM_PatientID, name);
    put(d, DCM_PatientBirthDate, p->patient ? "19500101" : "");
    put(d, DCM_PatientSex, "");
    put(d, DCM_StudyDate, p->patient ? "20200102" : "");
    put(d, DCM_StudyTime, "");
    put(d, DCM_AccessionNumber, "");
    put(d, DCM_StudyID, "");
    put(d, DCM_Manufacturer, "");
    put(d, DCM_ReferringPhysicianName, p->patient ? name : "");
    put(d, DCM_SeriesDescription, p->description);
    put(d, DCM_SeriesNumber, std::to_string(p->series_number).c_str());
    put(d, DCM_InstanceNumber, std::to_string(p->number).c_str());
    put(d, DCM_SliceThickness, &p->thickness_mm, 1);
    put(d, DCM_PatientPosition, "HFS");
    put(d, DCM_ImagePositionPatient, p->position, 3);
    put(d, DCM_ImageOrientationPatient, six, 6);
    put(d, DCM_PixelSpacing, pair, 2);
    put(d, DCM_PhotometricInterpretation,
        p->inverted ? "MONOCHROME1" : "MONOCHROME2");
    put(d, DCM_RescaleIntercept, &p->intercept, 1);
    put(d, DCM_RescaleSlope, &p->slope, 1);
    put(d, DCM_RescaleType, ct ? "HU" : "US");
    put(d, DCM_WindowCenter, "40");
    put(d, DCM_WindowWidth, "400");

    d.putAndInsertUint16(DCM_SamplesPerPixel, 1);
    d.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(p->rows));
    d.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(p->cols));
    d.putAndInsertUint16(DCM_BitsAllocated, 16);
    d.putAndInsertUint16(DCM_BitsStored, 16);
    d.putAndInsertUint16(DCM_HighBit, 15);
    d.putAndInsertUint16(DCM_PixelRepresentation, p->is_signed ? 1 : 0);
    d.putAndInsertUint16Array(DCM_PixelData, p->pixels,
                              static_cast<unsigned long>(p->rows) * p->cols);
}

bool
write_file(const dicom_picture_t *p)
{
    const E_TransferSyntax xfer = DcmXfer(p->syntax).getXfer();
    DcmFileFormat file;
    DcmDataset *d = file.getDataset();
    DJ_RPLossless jpeg(1, 0);

    describe(*d, p);

    if (d->chooseRepresentation(xfer,
                                xfer == EXS_JPEGProcess14SV1 ? &jpeg : NULL)
            .bad() ||
        !d->canWriteXfer(xfer)) {
        return false;
    }

    return file.saveFile(p->path, xfer).good();
}

} // namespace


int
dicom_start(void)
{
    try {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);

        /* The first lock of the dictionary is what loads its file. */
        dcmDataDict.rdlock();
        dcmDataDict.rdunlock();
        if (!dcmDataDict.isDictionaryLoaded()) {
            return 0;
        }

        DcmRLEDecoderRegistration::registerCodecs();
        DJDecoderRegistration::registerCodecs();
        DJLSDecoderRegistration::registerCodecs();
        DcmRLEEncoderRegistration::registerCodecs();
        DJEncoderRegistration::registerCodecs();
        DJLSEncoderRegistration::registerCodecs();
        return 1;

    } catch (...) {
        return 0;
    }
}


dicom_status_t
dicom_header(const uint8_t *data, size_t len, const char *syntax,
             dicom_header_t *out)
{
    memset(out, 0, sizeof *out);

    try {
        Reading r(data, len);

        read_dataset(r, len, syntax, true);

        /* A value that is not all there must not be asked for. */
        if (r.status != DICOM_OK) {
            return r.status;
        }

        header_of(r.dataset, out);
        return r.stopped ? DICOM_OK : DICOM_NO_PIXELS;

    } catch (const std::bad_alloc &) {
        return DICOM_NO_MEMORY;

    } catch (...) {
        return DICOM_DAMAGED;
    }
}


dicom_status_t
dicom_pixels(const uint8_t *data, size_t len, const char *syntax,
             const dicom_header_t *h, void *dst, size_t n)
{
    if (h->slice.rows > DICOM_EDGE_MAX || h->slice.cols > DICOM_EDGE_MAX) {
        return DICOM_TOO_LARGE;
    }

    /* DCMTK swaps pixels by words of 16 bits: halves of 32 would be crossed. */
    if (h->bits_allocated == 32 && syntax != NULL &&
        strcmp(syntax, UID_BigEndianExplicitTransferSyntax) == 0) {
        return DICOM_DAMAGED;
    }

    try {
        Reading r(data, len);

        read_dataset(r, len, syntax, false);

        if (r.status != DICOM_OK) {
            return r.status;
        }

        if (r.dataset.chooseRepresentation(EXS_LittleEndianExplicit, NULL)
                .bad()) {
            return DICOM_DAMAGED;
        }

        return pixels_of(r.dataset, h, dst, n);

    } catch (const std::bad_alloc &) {
        return DICOM_NO_MEMORY;

    } catch (...) {
        return DICOM_DAMAGED;
    }
}


int
dicom_write(const dicom_picture_t *p)
{
    try {
        return write_file(p);

    } catch (...) {
        return 0;
    }
}
