import java.util.Map;

import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.server.policy.AlterConfigPolicy;
import org.apache.kafka.server.policy.CreateTopicPolicy;

/**
 * The policy of a managed cluster, for tests. What it refuses depends on the topic's name: with "capped" in it, a
 * max.message.bytes above 8 MiB; with "fixed", any min.insync.replicas; with "brief", any retention.ms; with "rigid",
 * each cleanup.policy that is altered.
 */
public class ManagedCluster implements CreateTopicPolicy, AlterConfigPolicy {
    @Override
    public void validate(CreateTopicPolicy.RequestMetadata request) {
        judge(request.topic(), request.configs());
    }

    @Override
    public void validate(AlterConfigPolicy.RequestMetadata request) {
        String topic = request.resource().name();
        judge(topic, request.configs());
        if (topic.contains("rigid") && request.configs().containsKey("cleanup.policy")) {
            throw new PolicyViolationException("Config property 'cleanup.policy' is set at creation only.");
        }
    }

    private static void judge(String topic, Map<String, String> configs) {
        String largest = configs.get("max.message.bytes");
        if (topic.contains("capped") && largest != null && Long.parseLong(largest) > 8388608) {
            throw new PolicyViolationException(
                "Config property 'max.message.bytes' with value '" + largest + "' exceeded max limit of 8388608.");
        }
        refuse(topic, "fixed", configs, "min.insync.replicas");
        refuse(topic, "brief", configs, "retention.ms");
    }

    private static void refuse(String topic, String mark, Map<String, String> configs, String name) {
        if (topic.contains(mark) && configs.containsKey(name)) {
            throw new PolicyViolationException("Config property '" + name + "' is not configurable.");
        }
    }

    @Override
    public void configure(Map<String, ?> configs) {
    }

    @Override
    public void close() {
    }
}
