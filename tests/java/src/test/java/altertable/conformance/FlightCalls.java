package altertable.conformance;

import com.google.protobuf.Empty;
import io.grpc.*;
import io.grpc.CallOptions;
import io.grpc.netty.NegotiationType;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import java.io.*;
import java.net.URI;
import java.nio.channels.Channels;
import java.util.*;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.arrow.flight.*;
import org.apache.arrow.flight.impl.Flight.HandshakeRequest;
import org.apache.arrow.flight.impl.Flight.HandshakeResponse;
import org.apache.arrow.flight.impl.FlightServiceGrpc;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/** The Flight calls of one case, and their connections. */
final class FlightCalls implements AutoCloseable {
  private record Door(ManagedChannel channel, FlightClient client) {}

  private static final BufferAllocator ALLOCATOR = new RootAllocator();
  private static final int STREAM_WINDOW = 1 << 20;
  private static final int BREAK_OFF_GRACE_MS = 200;

  /** SQL over connections of its own. */
  final Jdbc jdbc = new Jdbc();
  private final Map<Long, Door> doors = new ConcurrentHashMap<>();

  static boolean encrypts(URI server) {
    return !List.of("http", "grpc", "grpc+tcp").contains(server.getScheme());
  }

  private static Door open(URI server) {
    var builder = NettyChannelBuilder.forTarget(server.getAuthority());
    var channel = builder.maxInboundMessageSize(Integer.MAX_VALUE).flowControlWindow(STREAM_WINDOW)
        .negotiationType(encrypts(server) ? NegotiationType.TLS : NegotiationType.PLAINTEXT).build();
    return new Door(channel, FlightGrpcUtils.createFlightClientWithSharedChannel(ALLOCATOR, channel));
  }

  /** Makes a call; if it fails, the answer is what it gave before, and its status. */
  Object make(Call call) throws Exception {
    // Streams share the flow-control window of their connection, so a paused one has a connection of its own.
    long number = call.asked.pauseAfter() == null ? 0 : call.asked.call();
    var door = doors.computeIfAbsent(number, key -> open(URI.create(call.asked.url())));
    var grpc = new Recorder(call.asked.metadata());
    var answer = new HashMap<String, Object>();
    try (var context = Context.current().withCancellation()) {
      call.goesOver(context);
      context.call(() -> fill(answer, call, door, grpc));
    } catch (FlightRuntimeException | StatusException | StatusRuntimeException fault) {
      if (grpc.status.isOk()) {
        throw fault;
      }
      var message = Objects.requireNonNullElse(grpc.status.getDescription(), "");
      answer.put("status", Map.of("code", grpc.status.getCode().value(), "message", message));
    }
    return answer;
  }

  private static Object fill(Map<String, Object> answer, Call call, Door door, Recorder grpc) throws Exception {
    var asked = call.asked;
    var client = door.client();
    var descriptor = asked.command() == null ? null : FlightDescriptor.command(asked.command());
    switch (asked.kind()) {
      case "handshake" -> shakeHands(answer, asked.requests(), door.channel(), grpc);
      case "info" -> {
        answer.put("info", client.getInfo(descriptor, grpc).serialize().array());
        answer.put("headers", grpc.headers());
      }
      case "poll" -> answer.put("poll", client.pollInfo(descriptor, grpc).serialize().array());
      case "schema" -> answer.put("schema", client.getSchema(descriptor, grpc).getSchema().serializeAsMessage());
      case "get" -> get(answer, call, client, grpc);
      case "put" -> answer.put("results", put(asked, client, descriptor, grpc));
      case "action" -> {
        var action = new Action(asked.type(), asked.body());
        answer.put("results", all(() -> client.doAction(action, grpc)).map(Result::getBody).toList());
      }
      case "actions" -> answer.put("actions", all(client.listActions(grpc)).map(ActionType::getType).toList());
      case "rpc" -> answer.put("body", unary(asked, ClientInterceptors.intercept(door.channel(), grpc)));
      default -> throw new IllegalArgumentException(asked.kind());
    }
    return answer;
  }

  private static <T> Stream<T> all(Iterable<T> items) {
    return StreamSupport.stream(items.spliterator(), false);
  }

  /** By gRPC alone: Flight's client hides what it is answered. */
  private static void shakeHands(Map<String, Object> told, int requests, Channel channel, Recorder grpc)
      throws StatusException, InterruptedException {
    var call = FlightServiceGrpc.newBlockingV2Stub(channel).withInterceptors(grpc).handshake();
    for (int i = 0; i < requests; i++) {
      call.write(HandshakeRequest.getDefaultInstance());
    }
    call.halfClose();
    var answers = new ArrayList<HandshakeResponse>();
    for (var next = call.read(); next != null; next = call.read()) {
      answers.add(next);
    }
    told.put("answers", answers.size());
    told.put("header", grpc.headers().get("authorization"));
    told.put("token", answers.isEmpty() ? null : answers.get(0).getPayload().toStringUtf8());
    told.put("protocol_version", answers.isEmpty() ? null : answers.get(0).getProtocolVersion());
  }

  private static void get(Map<String, Object> answer, Call call, FlightClient client, Recorder grpc) throws Exception {
    var arrow = new ByteArrayOutputStream();
    try (var stream = client.getStream(new Ticket(call.asked.ticket()), grpc)) {
      if (stream.getSchema().getFields().stream().anyMatch(FlightCalls::hasListInSparseUnion)) {
        throw new UnsupportedOperationException("Arrow's Java library reads no lists inside sparse unions");
      }
      var channel = Channels.newChannel(arrow);
      try (var writer = new ArrowStreamWriter(stream.getRoot(), stream.getDictionaryProvider(), channel)) {
        writer.start();
        for (int batches = 1; stream.next(); batches++) {
          writer.writeBatch();
          call.arrived(batches, () -> Map.of("arrow", arrow.toByteArray()));
        }
      }
    } finally {
      answer.put("arrow", arrow.size() == 0 ? null : arrow.toByteArray());
    }
  }

  private static boolean hasListInSparseUnion(Field field) {
    boolean sparse = field.getType() instanceof ArrowType.Union union && union.getMode() == UnionMode.Sparse;
    var members = field.getChildren().stream();
    return members.anyMatch(one -> sparse && one.getType() instanceof ArrowType.List || hasListInSparseUnion(one));
  }

  private static List<byte[]> put(Message asked, FlightClient client, FlightDescriptor descriptor, Recorder grpc)
      throws Exception {
    var all = new ArrayList<byte[]>();
    var results = new AsyncPutListener() {
      @Override
      public void onNext(PutResult result) {
        var bytes = new byte[(int) result.getApplicationMetadata().readableBytes()];
        result.getApplicationMetadata().getBytes(0, bytes);
        all.add(bytes);
      }
    };
    if (asked.arrow() == null) {
      // As FlightSqlClient does where there is no data.
      client.startPut(descriptor, VectorSchemaRoot.of(), results, grpc).completed();
      results.getResult();
      return all;
    }
    try (var data = new ArrowStreamReader(new ByteArrayInputStream(asked.arrow()), ALLOCATOR)) {
      // The dictionaries come with the first batch.
      boolean more = loads(data);
      var stream = client.startPut(descriptor, data.getVectorSchemaRoot(), data, results, grpc);
      for (int sent = 0; more && !Integer.valueOf(sent).equals(asked.breakAfter()); sent++) {
        stream.putNext();
        more = loads(data);
      }
      if (asked.breakAfter() == null) {
        stream.completed();
      } else {
        Thread.sleep(BREAK_OFF_GRACE_MS);
        stream.error(Status.CANCELLED.asException());
      }
      results.getResult();
    }
    return all;
  }

  private static boolean loads(ArrowStreamReader data) throws IOException {
    try {
      return data.loadNextBatch();
    } catch (IllegalArgumentException refused) {
      throw new UnsupportedOperationException("Arrow's Java library refuses the data: " + refused.getMessage());
    }
  }

  /** An RPC of any service: a message that has no fields keeps whatever bytes are in it. */
  private static byte[] unary(Message asked, Channel channel) throws IOException {
    var bytes = ProtoUtils.marshaller(Empty.getDefaultInstance());
    var method = MethodDescriptor.newBuilder(bytes, bytes).setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(asked.path().substring(1)).build();
    return ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, Empty.parseFrom(asked.body()))
        .toByteArray();
  }

  /** Ends whatever runs; what a stream that was hung up on had in flight stays allocated until the process ends. */
  @Override
  public void close() throws Exception {
    doors.values().forEach(door -> door.channel().shutdownNow());
    jdbc.close();
  }
}
