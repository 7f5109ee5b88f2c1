package altertable.conformance;

import io.grpc.*;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.stub.AbstractStub;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.arrow.flight.CallOptions.GrpcCallOption;

/** Gives a gRPC call its metadata, and keeps headers and status as they came: Flight's errors know fewer codes. */
final class Recorder implements GrpcCallOption, ClientInterceptor {
  /** How the call has ended; OK while it has not. */
  volatile Status status = Status.OK;
  private final Metadata metadata = new Metadata();
  private volatile Metadata headers = new Metadata();

  Recorder(List<List<String>> pairs) {
    pairs.forEach(pair -> metadata.put(key(pair.get(0)), pair.get(1)));
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** The response's headers that are text. */
  Map<String, String> headers() {
    var texts = new TreeMap<String, String>();
    var names = headers.keys().stream().filter(name -> !name.endsWith("-bin"));
    names.forEach(name -> texts.put(name, headers.get(key(name))));
    return texts;
  }

  @Override
  public <T extends AbstractStub<T>> T wrapStub(T stub) {
    return stub.withInterceptors(this);
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    return new SimpleForwardingClientCall<Q, A>(next.newCall(method, options)) {
      @Override
      public void start(Listener<A> listener, Metadata sent) {
        sent.merge(metadata);
        super.start(listening(listener), sent);
      }
    };
  }

  private <A> ClientCall.Listener<A> listening(ClientCall.Listener<A> listener) {
    return new SimpleForwardingClientCallListener<A>(listener) {
      @Override
      public void onHeaders(Metadata received) {
        headers = received;
        super.onHeaders(received);
      }

      @Override
      public void onClose(Status ended, Metadata trailers) {
        status = ended;
        super.onClose(ended, trailers);
      }
    };
  }
}
