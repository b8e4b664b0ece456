#include "render-worker/import/dicom_shim.h"

#include <stdio.h>
#include <string.h>

#include <exception>
#include <new>
#include <string>
#include <vector>

#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
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

DcmItem *
item_of(dicom_item_t *item)
{
    return reinterpret_cast<DcmItem *>(item);
}

dicom_item_t *
item_of(DcmItem *item)
{
    return reinterpret_cast<dicom_item_t *>(item);
}

DcmTagKey
key(uint32_t tag)
{
    return DcmTagKey(static_cast<Uint16>(tag >> 16),
                     static_cast<Uint16>(tag & 0xffff));
}

uint32_t
small(DcmItem &d, const DcmTagKey &tag, uint32_t absent)
{
    Uint16 v;

    return d.findAndGetUint16(tag, v).good() ? v : absent;
}

void
visit_all(DcmObject &container, void (*visit)(void *, uint32_t, int),
          void *data)
{
    DcmObject *o = NULL;

    while ((o = container.nextInContainer(o)) != NULL) {
        if (o->ident() != EVR_item) {
            visit(data, DICOM_TAG(o->getGTag(), o->getETag()), o->isEmpty());
        }

        if (o->ident() == EVR_SQ || o->ident() == EVR_item) {
            visit_all(*o, visit, data);
        }
    }
}

/* What a codec looks at, and nothing else. */
void
shape_to(DcmDataset &d, const dicom_shape_t *s)
{
    d.putAndInsertUint16(DCM_SamplesPerPixel, static_cast<Uint16>(s->samples));
    d.putAndInsertString(DCM_PhotometricInterpretation, s->photometric);
    d.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(s->rows));
    d.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(s->cols));
    d.putAndInsertUint16(DCM_BitsAllocated,
                         static_cast<Uint16>(s->bits_allocated));
    d.putAndInsertUint16(DCM_BitsStored, static_cast<Uint16>(s->bits_stored));
    d.putAndInsertUint16(DCM_HighBit, static_cast<Uint16>(s->high_bit));
    d.putAndInsertUint16(DCM_PixelRepresentation, s->is_signed ? 1 : 0);
    d.putAndInsertString(DCM_NumberOfFrames, "1");
    d.putAndInsertString(DCM_SOPClassUID, UID_SecondaryCaptureImageStorage);
    d.putAndInsertString(DCM_SOPInstanceUID, "2.25.1");

    if (s->samples > 1) {
        d.putAndInsertUint16(DCM_PlanarConfiguration, s->planar ? 1 : 0);
    }
}

/*
 * Decoders may change what the header said of bits and colours (8-bit JPEG in
 * a 16-bit frame): what the data set says afterwards is what counts.
 */
bool
shape_from(DcmDataset &d, dicom_shape_t *s)
{
    OFString text;

    if (small(d, DCM_Rows, 0) != s->rows ||
        small(d, DCM_Columns, 0) != s->cols ||
        small(d, DCM_SamplesPerPixel, 0) != s->samples) {
        return false;
    }

    s->bits_allocated = small(d, DCM_BitsAllocated, 0);
    s->bits_stored = small(d, DCM_BitsStored, s->bits_allocated);
    s->high_bit = small(d, DCM_HighBit, s->bits_stored - 1);
    s->planar = small(d, DCM_PlanarConfiguration, 0) == 1;
    d.findAndGetOFString(DCM_PhotometricInterpretation, text);
    snprintf(s->photometric, sizeof s->photometric, "%s", text.c_str());

    return true;
}

dicom_status_t
pixels_from(DcmDataset &d, void *dst, size_t bytes)
{
    DcmElement *e = NULL;
    Uint8 *p8 = NULL;
    Uint16 *p16 = NULL;

    if (d.findAndGetElement(DCM_PixelData, e).bad() || e == NULL) {
        return DICOM_NO_PIXELS;
    }

    if (e->getLength() < bytes) {
        return DICOM_CUT;
    }

    /* Bytes may be kept in words of two: either way they lie in order. */
    if (e->getUint16Array(p16).good() && p16 != NULL) {
        memcpy(dst, p16, bytes);
    } else if (e->getUint8Array(p8).good() && p8 != NULL) {
        memcpy(dst, p8, bytes);
    } else {
        return DICOM_DAMAGED;
    }

    return DICOM_OK;
}

dicom_status_t
decode(const char *syntax, const dicom_piece_t *piece, size_t pieces,
       dicom_shape_t *shape, void *dst, size_t room)
{
    const E_TransferSyntax xfer = DcmXfer(syntax).getXfer();
    DcmDataset d;
    std::vector<Uint8> code;
    DcmPixelSequence *sequence = new DcmPixelSequence(DCM_PixelSequenceTag);
    DcmPixelData *data = new DcmPixelData(DCM_PixelData);
    DcmPixelItem *table = new DcmPixelItem(DCM_PixelItemTag);
    DcmPixelItem *item = new DcmPixelItem(DCM_PixelItemTag);
    size_t bytes;

    /* From here on the data set owns all four. */
    sequence->insert(table);
    sequence->insert(item);
    data->putOriginalRepresentation(xfer, NULL, sequence);
    d.insert(data, true);
    shape_to(d, shape);

    for (size_t i = 0; i < pieces; i++) {
        code.insert(code.end(), piece[i].data, piece[i].data + piece[i].bytes);
    }
    code.resize((code.size() + 1) & ~static_cast<size_t>(1));

    if (item->putUint8Array(code.data(), code.size()).bad() ||
        d.chooseRepresentation(EXS_LittleEndianExplicit, NULL).bad() ||
        !shape_from(d, shape)) {
        return DICOM_DAMAGED;
    }

    bytes = static_cast<size_t>(shape->rows) * shape->cols * shape->samples *
            (shape->bits_allocated / 8);

    return bytes > room ? DICOM_DAMAGED : pixels_from(d, dst, bytes);
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


/* The elements before group 7FE0. */
struct dicom_set_s {
    const uint8_t *data;
    size_t len;
    MemoryStream stream;
    DcmDataset dataset;
    size_t pixels_at = 0;
    bool is_explicit = false, big_endian = false;

    dicom_set_s(const uint8_t *bytes, size_t n)
        : data(bytes), len(n), stream(bytes, n, 0)
    {
    }

    dicom_status_t
    read(const char *syntax)
    {
        E_TransferSyntax xfer = EXS_Unknown;
        OFCondition c;

        if (syntax != NULL) {
            xfer = DcmXfer(syntax).getXfer();
        }

        dataset.transferInit();
        c = dataset.readUntilTag(stream, xfer, EGL_noChange, DCM_MaxReadLength,
                                 DcmTagKey(0x7fe0, 0));
        dataset.transferEnd();

        const DcmXfer used(dataset.getOriginalXfer());
        is_explicit = used.isExplicitVR();
        big_endian = used.isBigEndian();
        pixels_at = find_pixels();

        return status_of(c);
    }

    /* Reading stops behind the tag and length, of 8 or 12 bytes, that end it.
     */
    size_t
    find_pixels()
    {
        const size_t at = static_cast<size_t>(stream.tell());

        for (size_t head = 8; head <= 12 && head <= at; head += 4) {
            const uint8_t *p = data + at - head;

            if ((big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]) == 0x7fe0) {
                return at - head;
            }
        }

        return len;
    }
};


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
dicom_open(dicom_set_t **out, const uint8_t *data, size_t len,
           const char *syntax)
{
    dicom_status_t st;

    *out = NULL;

    try {
        *out = new dicom_set_s(data, len);
        st = (*out)->read(syntax);

    } catch (const std::bad_alloc &) {
        st = DICOM_NO_MEMORY;

    } catch (...) {
        st = DICOM_DAMAGED;
    }

    /* A value that is not all there must not be asked for. */
    if (st != DICOM_OK) {
        dicom_close(*out);
        *out = NULL;
    }

    return st;
}


void
dicom_close(dicom_set_t *set)
{
    delete set;
}


size_t
dicom_pixels_at(const dicom_set_t *set)
{
    return set->pixels_at;
}


int
dicom_is_explicit(const dicom_set_t *set)
{
    return set->is_explicit;
}


int
dicom_is_big_endian(const dicom_set_t *set)
{
    return set->big_endian;
}


dicom_item_t *
dicom_root(dicom_set_t *set)
{
    return item_of(static_cast<DcmItem *>(&set->dataset));
}


dicom_item_t *
dicom_child(dicom_item_t *item, uint32_t tag, size_t i)
{
    DcmSequenceOfItems *s = NULL;

    try {
        if (item_of(item)->findAndGetSequence(key(tag), s).bad() || s == NULL ||
            i >= s->card()) {
            return NULL;
        }
        return item_of(s->getItem(static_cast<unsigned long>(i)));

    } catch (...) {
        return NULL;
    }
}


int
dicom_has(dicom_item_t *item, uint32_t tag)
{
    try {
        return item_of(item)->tagExistsWithValue(key(tag));

    } catch (...) {
        return 0;
    }
}


int
dicom_text(dicom_item_t *item, uint32_t tag, size_t at, char *dst, size_t cap)
{
    dst[0] = '\0';

    try {
        OFString s;

        if (item_of(item)->findAndGetOFString(key(tag), s, at).bad()) {
            return 0;
        }
        snprintf(dst, cap, "%s", s.c_str());
        return dst[0] != '\0';

    } catch (...) {
        return 0;
    }
}


double
dicom_number(dicom_item_t *item, uint32_t tag, size_t at, double absent)
{
    DcmItem *d = item_of(item);
    Float64 v;
    Float32 shorter;
    Sint32 whole;
    Uint32 natural;
    Uint16 word;
    Sint16 signed_word;

    try {
        if (d->findAndGetFloat64(key(tag), v, at).good()) {
            return v;
        }
        if (d->findAndGetFloat32(key(tag), shorter, at).good()) {
            return shorter;
        }
        if (d->findAndGetUint16(key(tag), word, at).good()) {
            return word;
        }
        if (d->findAndGetSint16(key(tag), signed_word, at).good()) {
            return signed_word;
        }
        if (d->findAndGetUint32(key(tag), natural, at).good()) {
            return natural;
        }
        return d->findAndGetSint32(key(tag), whole, at).good() ? whole : absent;

    } catch (...) {
        return absent;
    }
}


size_t
dicom_words(dicom_item_t *item, uint32_t tag, const uint16_t **words)
{
    const Uint16 *p = NULL;
    unsigned long n = 0;

    try {
        if (item_of(item)->findAndGetUint16Array(key(tag), p, &n).bad() ||
            p == NULL) {
            return 0;
        }
        *words = p;
        return n;

    } catch (...) {
        return 0;
    }
}


void
dicom_each(dicom_set_t *set, void (*visit)(void *, uint32_t, int), void *data)
{
    try {
        visit_all(set->dataset, visit, data);

    } catch (...) {
        return;
    }
}


dicom_status_t
dicom_decode(const char *syntax, const dicom_piece_t *piece, size_t pieces,
             dicom_shape_t *shape, void *dst, size_t room)
{
    try {
        return decode(syntax, piece, pieces, shape, dst, room);

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
