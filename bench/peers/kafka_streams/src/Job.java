import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The worker's job in Kafka Streams: an alert for each pair of principal and member account that is new.
 *
 * <p>Arguments: bootstrap, source topic, alert topic, application id, state directory, stream threads, and whether
 * throughput or latency counts. For throughput the producer waits 20 ms for a batch, as Quix Streams' does here.
 */
public final class Job {
    private static final String RULE_ID = "aws-sts-assume-root-rare-pair";
    private static final String MEMORY = "memory";
    private static final long WINDOW = Duration.ofDays(10).toMillis();
    private static final ObjectMapper JSON = new ObjectMapper();

    private Job() {}

    /** Runs until stopped. */
    public static void main(String[] arguments) {
        Serde<JsonNode> json = Serdes.serdeFrom((topic, node) -> write(node), (topic, bytes) -> read(bytes));
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(
                Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(MEMORY), Serdes.String(), Serdes.Long()));
        builder.stream(arguments[1], Consumed.with(Serdes.ByteArray(), json))
                .filter((key, record) -> taken(record))
                .selectKey((key, record) -> record.at("/userIdentity/arn").asText())
                .repartition(Repartitioned.with(Serdes.String(), json).withName("principal"))
                .process(FirstSeen::new, MEMORY)
                .to(arguments[2], Produced.with(Serdes.String(), json));
        KafkaStreams streams = new KafkaStreams(builder.build(), properties(arguments));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(10))));
        streams.start();
    }

    private static Properties properties(String[] arguments) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[3]);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, arguments[5]);
        properties.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        properties.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), "20");
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), "262144");
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "zstd");
        return properties;
    }

    private static boolean taken(JsonNode record) {
        return record.path("eventSource").asText().equals("sts.amazonaws.com")
                && record.path("eventName").asText().equals("AssumeRoot")
                && record.path("errorCode").asText().isEmpty()
                && record.path("errorMessage").asText().isEmpty();
    }

    private static byte[] write(JsonNode node) {
        try {
            return JSON.writeValueAsBytes(node);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static JsonNode read(byte[] bytes) {
        try {
            return JSON.readTree(bytes);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Remembers a pair; forwards an alert if it is new. */
    private static final class FirstSeen implements Processor<String, JsonNode, String, JsonNode> {
        private ProcessorContext<String, JsonNode> context;
        private KeyValueStore<String, Long> memory;

        @Override
        public void init(ProcessorContext<String, JsonNode> given) {
            context = given;
            memory = given.getStateStore(MEMORY);
        }

        @Override
        public void process(Record<String, JsonNode> event) {
            JsonNode record = event.value();
            String account = record.at("/requestParameters/targetPrincipal").asText();
            String pair = event.key() + "|" + account;
            long seen = Instant.parse(record.path("eventTime").asText()).toEpochMilli();
            Long last = memory.get(pair);
            memory.put(pair, last == null ? seen : Math.max(seen, last));
            if (last != null && seen - last <= WINDOW) {
                return;
            }
            String identity = String.join("|", RULE_ID, pair, record.path("eventID").asText());
            String id = UUID.nameUUIDFromBytes(identity.getBytes(StandardCharsets.UTF_8)).toString();
            ObjectNode alert = JSON.createObjectNode();
            alert.put("alert_id", id);
            alert.putObject("rule").put("id", RULE_ID).put("severity", "low");
            alert.put("reason", event.key() + " took root on " + account + " for the first time");
            alert.put("principal", event.key());
            alert.put("member_account", account);
            alert.put("previous_seen", last);
            alert.put("time", seen);
            alert.set("record", record);
            context.forward(event.withKey(id).withValue(alert));
        }
    }
}
