import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.message.BinaryMessageDecoder;

/**
 * Another team's reader of rootwatch's topics: Java, Apache Avro, and a copy of schemas/ alone.
 *
 * <p>Arguments: the folder schemas/, then ID=SUBJECT/VERSION for each id of a schema registry. Standard input has a line per value, the
 * subject, a tab and the value in base64. Standard output has the values in the same order, as JSON, timestamps in milliseconds.
 */
public final class AvroReader {
    private static final byte SINGLE_OBJECT = (byte) 0xC3;
    private static final byte CONFLUENT = 0;

    private final Path schemas;
    private final Map<String, BinaryMessageDecoder<GenericRecord>> singleObject = new HashMap<>();
    private final Map<Integer, Schema> writers = new HashMap<>();

    private AvroReader(Path schemas) {
        this.schemas = schemas;
    }

    public static void main(String[] arguments) throws IOException {
        AvroReader reader = new AvroReader(Path.of(arguments[0]));
        for (int i = 1; i < arguments.length; i++) {
            String[] id = arguments[i].split("=");
            reader.writers.put(Integer.valueOf(id[0]), parse(reader.schemas.resolve("released/" + id[1] + ".avsc")));
        }
        ObjectMapper json = new ObjectMapper();
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split("\t");
            byte[] value = Base64.getDecoder().decode(parts[1]);
            out.println(json.writeValueAsString(plain(reader.read(parts[0], value))));
        }
        out.flush();
    }

    private GenericRecord read(String subject, byte[] value) throws IOException {
        switch (value[0]) {
            case SINGLE_OBJECT:
                return singleObject.computeIfAbsent(subject, this::decoder).decode(value);
            case CONFLUENT:
                Schema writer = writers.get(ByteBuffer.wrap(value, 1, 4).getInt());
                BinaryDecoder body = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
                GenericRecord read = new GenericDatumReader<GenericRecord>(writer, newest(subject)).read(null, body);
                if (!body.isEnd()) {
                    throw new IOException("bytes follow the value");
                }
                return read;
            default:
                throw new IOException("neither wire format: " + value[0]);
        }
    }

    /** Avro's own decoder of single-object encoding; it computes the fingerprints of the schemas itself. */
    private BinaryMessageDecoder<GenericRecord> decoder(String subject) {
        BinaryMessageDecoder<GenericRecord> decoder = new BinaryMessageDecoder<>(GenericData.get(), newest(subject));
        try (Stream<Path> versions = Files.list(schemas.resolve("released").resolve(subject))) {
            versions.map(AvroReader::parse).forEach(decoder::addSchema);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return decoder;
    }

    private Schema newest(String subject) {
        return parse(schemas.resolve(subject + ".avsc"));
    }

    private static Schema parse(Path file) {
        try {
            return new Schema.Parser().parse(Files.readString(file));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static Object plain(Object value) {
        if (value instanceof GenericRecord) {
            GenericRecord record = (GenericRecord) value;
            Map<String, Object> fields = new LinkedHashMap<>();
            for (Schema.Field field : record.getSchema().getFields()) {
                fields.put(field.name(), plain(record.get(field.pos())));
            }
            return fields;
        }
        if (value instanceof List) {
            List<Object> items = new ArrayList<>();
            for (Object item : (List<?>) value) {
                items.add(plain(item));
            }
            return items;
        }
        return value instanceof CharSequence ? value.toString() : value;
    }
}
